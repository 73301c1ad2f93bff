"""The ledger: append-only, hash-chained events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retread.registry.events import Event, LedgerEvent

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in its place; `hash` covers sequence, time, event and the hash before it."""

    sequence: int
    at: datetime
    event: LedgerEvent
    hash: str


Decide = Callable[[Sequence[Entry]], Sequence[Event]]
"""From everything in the ledger to the events to append; raises to append nothing."""


class Ledger(Protocol):
    """Appends are serialised: between what `decide` sees and what is appended, nothing happens."""

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """Append unconditionally; durable when this returns."""
        ...

    def transact(self, decide: Decide) -> tuple[Entry, ...]:
        """Append what `decide` makes of the current entries, as one atomic step."""
        ...

    def read(self, *, after: int = 0) -> tuple[Entry, ...]:
        """Entries with a sequence over `after`, in order."""
        ...

    def verify(self) -> int:
        """Check the whole chain; the number of entries. Raises IntegrityBroken naming the first
        entry that is not what was appended."""
        ...
