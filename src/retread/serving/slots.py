"""Which model serves which request: an immutable table of slots, replaced as one reference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from itertools import count

from retread.core import NotFound, Unavailable
from retread.registry.events import Slot
from retread.serving.runtime import Runtime

_KEY_SPACE = float(2**64)

_numbers = count()


@dataclass(frozen=True, slots=True, eq=False)
class SlotEntry:
    """A model version in a slot.

    Attributes:
        slot: The slot.
        version: The model version.
        generation: The slot change that put it there.
        share: Share of the routing keys that a canary answers.
        runtime: The loaded model.
        number: Unique number of the entry. Caches use it as their key, so that they do not keep
            a retired model in memory.
    """

    slot: Slot
    version: int
    generation: int
    share: float
    runtime: Runtime
    number: int = field(default_factory=_numbers.__next__)


@dataclass(frozen=True, slots=True, eq=False)
class SlotTable:
    """The four slots at one moment; `generations` holds the last generation of each slot."""

    production: SlotEntry | None = None
    canary: SlotEntry | None = None
    shadow: SlotEntry | None = None
    staging: SlotEntry | None = None
    generations: dict[Slot, int] = field(default_factory=dict)

    def entry(self, slot: Slot) -> SlotEntry | None:
        """Return what is in `slot`; None if it is empty."""
        found: SlotEntry | None = getattr(self, slot.value)
        return found

    @property
    def entries(self) -> tuple[SlotEntry, ...]:
        """The entries of all slots that are not empty."""
        return tuple(entry for slot in Slot if (entry := self.entry(slot)) is not None)

    def with_entry(self, slot: Slot, generation: int, entry: SlotEntry | None) -> SlotTable:
        """Return the table after a slot change; the same table if the change is not newer."""
        if generation <= self.generations.get(slot, 0):
            return self
        generations = {**self.generations, slot: generation}
        return replace(self, **{slot.value: entry}, generations=generations)

    def without(self, slot: Slot) -> SlotTable:
        """Return the table with an empty `slot`, whose present generation may be set again."""
        generations = {kind: n for kind, n in self.generations.items() if kind is not slot}
        return replace(self, **{slot.value: None}, generations=generations)

    def route(self, key: str, slot: Slot | None = None, version: int | None = None) -> SlotEntry:
        """Return the entry that answers a request.

        Args:
            key: The routing key. The canary answers its share of the keys.
            slot: The slot that the client requested, if any.
            version: The version that the client requested, if any.

        Raises:
            NotFound: What the client requested is not being served.
            Unavailable: No model is in production.
        """
        if version is not None or slot is not None:
            return self._requested(slot, version)
        if self.production is None:
            raise Unavailable(
                "No model is in production yet.", "Train one, then run: retread promote"
            )
        canary = self.canary
        if canary is not None and key_position(key) < canary.share:
            return canary
        return self.production

    def partner(self, entry: SlotEntry) -> SlotEntry | None:
        """Return the entry that scores the same rows as `entry`, for comparison; None for none."""
        if entry is self.canary:
            return self.production
        if entry is self.production:
            return self.canary or self.shadow
        return None

    def _requested(self, slot: Slot | None, version: int | None) -> SlotEntry:
        candidates = [e for e in self.entries if slot is None or e.slot is slot]
        found = [e for e in candidates if version is None or e.version == version]
        if found:
            return found[0]
        loaded = ", ".join(f"{e.version} ({e.slot})" for e in self.entries) or "none"
        if slot is not None and not candidates:
            raise NotFound(f"The slot {slot} is empty.", f"Versions being served: {loaded}.")
        raise NotFound(f"Version {version} is not being served.", f"Versions that are: {loaded}.")


class SlotHolder:
    """Holds the current table; readers take the reference once per request."""

    def __init__(self) -> None:
        self.table = SlotTable()


def key_position(key: str) -> float:
    """Return the position of a routing key in [0, 1), the same in every replica and any language.

    It is the first eight bytes of the key's SHA-256 as a share of 2**64. A canary with share s
    answers the keys below s, so a key that the canary answers stays with it while the share grows.

    >>> key_position("customer-7") == key_position("customer-7")
    True
    >>> round(sum(key_position(str(i)) < 0.1 for i in range(10_000)) / 10_000, 2)
    0.1
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / _KEY_SPACE
