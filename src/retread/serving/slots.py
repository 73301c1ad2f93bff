"""Who answers where: an immutable table, swapped as one reference."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count

from retread.core import NotFound, Unavailable
from retread.registry.events import Slot
from retread.serving.routing import position
from retread.serving.runtime import Runtime

_numbers = count()


@dataclass(frozen=True, slots=True, eq=False)
class SlotEntry:
    """A model version in its slot, from `generation` on; `share` of routing keys for a canary.

    `number` is the entry's own: caches are keyed by it, and so keep no retired model in memory.
    """

    slot: Slot
    version: int
    generation: int
    share: float
    runtime: Runtime
    number: int = field(default_factory=_numbers.__next__)


@dataclass(frozen=True, slots=True, eq=False)
class SlotTable:
    """The four slots at one moment; `entries` by slot, `newest` the last generation of each."""

    production: SlotEntry | None = None
    canary: SlotEntry | None = None
    shadow: SlotEntry | None = None
    staging: SlotEntry | None = None
    newest: dict[Slot, int] = field(default_factory=dict)

    def entry(self, slot: Slot) -> SlotEntry | None:
        found: SlotEntry | None = getattr(self, slot.value)
        return found

    @property
    def entries(self) -> tuple[SlotEntry, ...]:
        return tuple(entry for slot in Slot if (entry := self.entry(slot)) is not None)

    def with_entry(self, slot: Slot, generation: int, entry: SlotEntry | None) -> SlotTable:
        """This table after a change; a change that is not newer changes nothing."""
        if generation <= self.newest.get(slot, 0):
            return self
        return replace(self, **{slot.value: entry}, newest={**self.newest, slot: generation})

    def without(self, slot: Slot) -> SlotTable:
        """This table with nobody in `slot`, whose present generation may come back."""
        newest = {kind: generation for kind, generation in self.newest.items() if kind is not slot}
        return replace(self, **{slot.value: None}, newest=newest)

    def answering(self, key: str, wish: Slot | None, version: int) -> SlotEntry:
        """Who answers a request; `wish` and `version` (0: any) are what the caller asked for."""
        if version or wish is not None:
            return self._wished(wish, version)
        if self.production is None:
            raise Unavailable(
                "No model is in production yet.", "Train one and run: retread produce"
            )
        canary = self.canary
        if canary is not None and position(key) < canary.share:
            return canary
        return self.production

    def partner(self, entry: SlotEntry) -> SlotEntry | None:
        """Who scores the same rows beside `entry`, so that two models can be compared."""
        if entry is self.canary:
            return self.production
        if entry is self.production:
            return self.canary or self.shadow
        return None

    def _wished(self, wish: Slot | None, version: int) -> SlotEntry:
        candidates = [e for e in self.entries if wish is None or e.slot is wish]
        found = [e for e in candidates if version in (0, e.version)]
        if found:
            return found[0]
        loaded = ", ".join(f"{e.version} ({e.slot})" for e in self.entries) or "none"
        if wish is not None and not candidates:
            raise NotFound(f"The slot {wish} is empty.", f"Versions that serve: {loaded}.")
        raise NotFound(f"Version {version} does not serve here.", f"Versions that do: {loaded}.")


class SlotHolder:
    """The current table; readers take the reference once for each request."""

    def __init__(self) -> None:
        self.table = SlotTable()
