"""What the ledger's events add up to."""

from __future__ import annotations

from datetime import datetime

import msgspec

from retread.core import NotFound
from retread.registry.events import Slot
from retread.registry.versions import ModelVersion


class SlotState(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers in a slot, from `generation` on; no bundle: nobody. `share` of routing keys for a
    canary."""

    version: int = 0
    bundle: str = ""
    generation: int
    share: float = 1.0


class OpenPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """An intent that was neither completed nor reverted; `previous` is 0 for none."""

    version: int
    bundle: str
    previous: int
    generation: int
    at: datetime
    rollback: bool


class RegistryState(msgspec.Struct, frozen=True, kw_only=True):
    """Versions, slots and the promotion under way.

    `production` is the version in stage Production (0: none); while a promotion is open, the slot
    production already names its successor. `slot_generations` also knows slots that were cleared.
    `served` are the production versions that a rollback would go back through, latest last.
    """

    versions: dict[int, ModelVersion] = {}
    slots: dict[Slot, SlotState] = {}
    slot_generations: dict[Slot, int] = {}
    generation: int = 0
    production: int = 0
    promotion: OpenPromotion | None = None
    served: tuple[int, ...] = ()

    @property
    def latest(self) -> dict[Slot, SlotState]:
        """The latest word on every slot, those that were cleared among them."""
        return {
            slot: self.slots.get(slot, SlotState(generation=generation))
            for slot, generation in self.slot_generations.items()
        }

    def version(self, number: int) -> ModelVersion:
        """One version; NotFound names those there are."""
        try:
            return self.versions[number]
        except KeyError:
            known = f"1 to {max(self.versions)}" if self.versions else "none yet"
            raise NotFound(
                f"There is no model version {number}; there are: {known}.",
                "Train and register one with: retread train",
            ) from None

    @property
    def production_version(self) -> ModelVersion | None:
        return self.versions.get(self.production)
