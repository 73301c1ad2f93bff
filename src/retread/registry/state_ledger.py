"""Transactions that decide from the registry's state what to append to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retread.registry.events import Event
from retread.registry.fold import Projection, fold
from retread.registry.ledger import Entry, Ledger
from retread.registry.state import RegistryState

Rule = Callable[[RegistryState], Sequence[Event]]
"""Decides from the state which events to append; raises to append nothing."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The entries of one transaction, and the state before and after them."""

    before: RegistryState
    added: tuple[Entry, ...]
    after: RegistryState


class StateLedger:
    """A ledger that is read and written through the registry's state."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._projection = Projection()

    def state(self) -> RegistryState:
        """Return the current state."""
        return self._projection.of(self._ledger.read())

    def entries(self, *, after: int = 0) -> tuple[Entry, ...]:
        """Return the entries with a sequence greater than `after`."""
        return self._ledger.read(after=after)

    def transact(self, rule: Rule) -> Transaction:
        """Append the events that `rule` returns for the current state, in one atomic step."""
        seen: list[RegistryState] = []

        def decide(entries: Sequence[Entry]) -> Sequence[Event]:
            seen.append(self._projection.of(entries))
            return rule(seen[-1])

        added = self._ledger.transact(decide)
        # A database that was busy may have decided several times; the last time counts.
        return Transaction(seen[-1], added, fold(added, seen[-1]))
