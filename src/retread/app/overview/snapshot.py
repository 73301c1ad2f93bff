"""The ledger as it is now, read incrementally."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from retread.registry.fold import EMPTY, fold
from retread.registry.ledger import Entry, Ledger
from retread.registry.state import RegistryState


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """The ledger's entries, and the state that they add up to."""

    entries: tuple[Entry, ...]
    state: RegistryState


class LedgerView:
    """Reads the ledger, each time only what is new; safe for use by several threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._snapshot = LedgerSnapshot((), EMPTY)

    def read(self) -> LedgerSnapshot:
        """Return the ledger as it is now."""
        with self._lock:
            last = self._snapshot
            after = last.entries[-1].sequence if last.entries else 0
            if new := self._ledger.read(after=after):
                self._snapshot = LedgerSnapshot((*last.entries, *new), fold(new, last.state))
            return self._snapshot
