"""The fold of a ledger that grows, done once for each entry."""

from __future__ import annotations

from collections.abc import Sequence

from retread.registry.fold import EMPTY, fold
from retread.registry.ledger import Entry
from retread.registry.state import RegistryState


class Projection:
    """Remembers the state of the longest beginning of one ledger that it has seen."""

    def __init__(self) -> None:
        self._folded = (0, EMPTY)

    def of(self, entries: Sequence[Entry]) -> RegistryState:
        """What `fold(entries)` gives; `entries` are the ledger's from its first on."""
        count, state = self._folded
        if len(entries) < count:
            return fold(entries)
        if len(entries) > count:
            state = fold(entries[count:], state)
            self._folded = (len(entries), state)
        return state
