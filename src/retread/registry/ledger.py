"""The port of the ledger: append-only, hash-chained events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retread.registry.events import Event, LedgerEvent

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One event at its position; `hash` covers sequence, time, event and the hash before it."""

    sequence: int
    at: datetime
    event: LedgerEvent
    hash: str


Decide = Callable[[Sequence[Entry]], Sequence[Event]]
"""Decides from all entries which events to append; raises to append nothing."""


class Ledger(Protocol):
    """Appends are serialised: nothing is appended while a decision is being made."""

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """Append events unconditionally; they are durable when this returns."""
        ...

    def transact(self, decide: Decide) -> tuple[Entry, ...]:
        """Append the events that `decide` returns for the current entries, in one atomic step.

        Returns:
            The appended entries.
        """
        ...

    def read(self, *, after: int = 0) -> tuple[Entry, ...]:
        """Return the entries with a sequence greater than `after`, in order."""
        ...

    def verify(self) -> int:
        """Verify the whole chain.

        Returns:
            The number of entries.

        Raises:
            IntegrityBroken: An entry is not what was appended; the message names the first one.
        """
        ...
