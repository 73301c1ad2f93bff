"""The ledger and its state, read once and then only what is new."""

from __future__ import annotations

from threading import Lock

from retread.registry.fold import EMPTY, fold
from retread.registry.ledger import Entry, Ledger
from retread.registry.state import RegistryState


class LedgerView:
    """What a reader needs of the ledger; `look` may be called from several threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._entries: tuple[Entry, ...] = ()
        self._state = EMPTY

    def look(self) -> tuple[tuple[Entry, ...], RegistryState]:
        """Everything there is now, and what it adds up to."""
        with self._lock:
            last = self._entries[-1].sequence if self._entries else 0
            if new := self._ledger.read(after=last):
                self._entries += new
                self._state = fold(new, self._state)
            return self._entries, self._state
