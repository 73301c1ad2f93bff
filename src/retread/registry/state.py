"""The state of the registry: model versions, slots and the open promotion."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retread.bundle import Cause
from retread.core import NotFound, Outcome
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.registry.events import GateJudged, Slot


class Stage(StrEnum):
    """Stage of a model version in its life cycle."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A person's permission to replace version `production` (None: none) despite the gate."""

    production: int | None
    reason: str


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A registered bundle.

    Attributes:
        validation: Metrics on the validation split; versions are ranked by them.
        metrics: Metrics on the evaluation split, which only the gate uses.
        judged: The gate's latest verdict.
        promoted_at: When the version was last promoted to production.
    """

    version: int
    bundle: str
    run_id: str
    model_type: str
    dataset: str
    dataset_version: int
    validation: dict[str, float]
    metrics: dict[str, float]
    cause: Cause
    registered_at: datetime
    stage: Stage = Stage.NONE
    judged: GateJudged | None = None
    override: Override | None = None
    promoted_at: datetime | None = None

    def passed_against(self, production: int | None) -> bool:
        """Tell whether the gate passed this version, compared with `production`."""
        return (
            self.judged is not None
            and self.judged.production == production
            and self.judged.verdict.outcome is Outcome.PASS
        )

    def forced_against(self, production: int | None) -> bool:
        """Tell whether a person overrode the gate for this version in place of `production`."""
        return self.override is not None and self.override.production == production


class SlotState(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """The content of a slot since `generation`; version and bundle are None if it is empty.

    `share` is a canary's share of routing keys.
    """

    version: int | None = None
    bundle: str | None = None
    generation: int
    share: float = 1.0

    def as_table(self) -> ShownTable:
        row = (self.version, f"{self.share:.0%}", self.generation, self.bundle)
        return ShownTable("Slot", ("version", "share", "generation", "bundle"), [row])


class OpenPromotion(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion that is neither completed nor reverted; `previous` would be archived by it."""

    version: int
    bundle: str
    previous: int | None
    generation: int
    at: datetime
    rollback: bool


class RegistryState(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """All versions and slots, and the promotion in progress.

    Attributes:
        slot_generations: The latest generation of each slot, including slots that were cleared.
        generation: The latest generation of any slot.
        production: The version in stage Production, if there is one. While a promotion is open,
            the slot production already names its successor.
        served: The production versions that rollbacks go back through, the latest last.
    """

    versions: dict[int, ModelVersion] = {}
    slots: dict[Slot, SlotState] = {}
    slot_generations: dict[Slot, int] = {}
    generation: int = 0
    production: int | None = None
    promotion: OpenPromotion | None = None
    served: tuple[int, ...] = ()

    def as_table(self) -> ShownTable:
        rows = [
            (slot.value, held.version, f"{held.share:.0%}", held.generation)
            for slot, held in sorted(self.slots.items())
        ]
        caption = f"Model versions: {len(self.versions)}; production: {self.production or 'none'}"
        return ShownTable(caption, ("slot", "version", "share", "generation"), rows)

    @property
    def latest(self) -> dict[Slot, SlotState]:
        """The latest change of each slot, including slots that were cleared."""
        return {
            slot: self.slots.get(slot, SlotState(generation=generation))
            for slot, generation in self.slot_generations.items()
        }

    def version(self, number: int) -> ModelVersion:
        """Return one version.

        Raises:
            NotFound: There is no such version.
        """
        try:
            return self.versions[number]
        except KeyError:
            known = f"1 to {max(self.versions)}" if self.versions else "none yet"
            raise NotFound(
                f"There is no model version {number}; registered versions: {known}.",
                "Train and register one with: retread train",
            ) from None

    @property
    def production_version(self) -> ModelVersion | None:
        """The version in stage Production, if there is one."""
        return None if self.production is None else self.versions.get(self.production)
