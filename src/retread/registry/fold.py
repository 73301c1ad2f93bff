"""From events to state: the only place where an event gets its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from retread.registry.events import (
    GateJudged,
    GateOverridden,
    LedgerEvent,
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
    VersionArchived,
    VersionRegistered,
    VersionStaged,
)
from retread.registry.ledger import Entry
from retread.registry.state import OpenPromotion, RegistryState, SlotState
from retread.registry.versions import ModelVersion, Override, Stage

EMPTY = RegistryState()


def fold(entries: Iterable[Entry], start: RegistryState = EMPTY) -> RegistryState:
    """The state after `entries`, which follow those that made `start`."""
    draft = _Draft.of(start)
    for entry in entries:
        _apply(draft, entry.event, entry.at)
    return draft.finished()


def state_at(entries: Sequence[Entry], time: datetime) -> RegistryState:
    """The state at `time`: after the last entry that is not later, and all before that one."""
    return fold(entries_until(entries, time))


def entries_until(entries: Sequence[Entry], time: datetime) -> Sequence[Entry]:
    """Entries up to the last that is not later than `time`; order counts, as clocks may jump."""
    count = next((n for n in range(len(entries), 0, -1) if entries[n - 1].at <= time), 0)
    return entries[:count]


@dataclass(slots=True)
class _Draft:
    versions: dict[int, ModelVersion]
    slots: dict[Slot, SlotState]
    slot_generations: dict[Slot, int]
    generation: int
    production: int
    promotion: OpenPromotion | None
    served: list[int]

    @classmethod
    def of(cls, state: RegistryState) -> _Draft:
        return cls(
            versions=dict(state.versions),
            slots=dict(state.slots),
            slot_generations=dict(state.slot_generations),
            generation=state.generation,
            production=state.production,
            promotion=state.promotion,
            served=list(state.served),
        )

    def finished(self) -> RegistryState:
        return RegistryState(
            versions=self.versions,
            slots=self.slots,
            slot_generations=self.slot_generations,
            generation=self.generation,
            production=self.production,
            promotion=self.promotion,
            served=tuple(self.served),
        )

    def move(self, version: int, stage: Stage, promoted_at: datetime | None = None) -> None:
        if version in self.versions:
            moved = self.versions[version]
            at = promoted_at or moved.promoted_at
            self.versions[version] = replace(moved, stage=stage, promoted_at=at)

    def unstage(self) -> None:
        """Nobody is in Staging any more."""
        for number, version in self.versions.items():
            if version.stage is Stage.STAGING:
                self.versions[number] = replace(version, stage=Stage.NONE)

    def advances(self, slot: Slot, generation: int) -> bool:
        """Whether `generation` is news for `slot`; older ones are ignored, whenever they come."""
        if generation <= self.slot_generations.get(slot, 0):
            return False
        self.slot_generations[slot] = generation
        self.generation = max(self.generation, generation)
        return True


def _apply(draft: _Draft, event: LedgerEvent, at: datetime) -> None:
    _apply_to_versions(draft, event, at)
    _apply_to_slots(draft, event, at)


def _apply_to_versions(draft: _Draft, event: LedgerEvent, at: datetime) -> None:
    versions = draft.versions
    match event:
        case VersionRegistered():
            versions[event.version] = _registered(event, at)
        case GateJudged() if event.version in versions:
            versions[event.version] = replace(versions[event.version], judged=event)
        case GateOverridden() if event.version in versions:
            override = Override(production=draft.production, reason=event.reason)
            versions[event.version] = replace(versions[event.version], override=override)
        case VersionStaged() if event.version != draft.production:
            draft.unstage()
            draft.move(event.version, Stage.STAGING)
        case VersionArchived() if event.version != draft.production:
            draft.move(event.version, Stage.ARCHIVED)
        case _:
            pass


def _apply_to_slots(draft: _Draft, event: LedgerEvent, at: datetime) -> None:
    match event:
        case SlotAssigned():
            _assign(draft, event, at)
        case SlotCleared() if draft.advances(event.slot, event.generation):
            draft.slots.pop(event.slot, None)
            if event.slot is Slot.STAGING:
                draft.unstage()
        case PromotionCompleted():
            _complete(draft, event, at)
        case PromotionReverted() if (
            draft.promotion and draft.promotion.generation == event.generation
        ):
            draft.promotion = None
        case _:
            pass


def _registered(event: VersionRegistered, at: datetime) -> ModelVersion:
    return ModelVersion(
        version=event.version,
        bundle=event.bundle,
        run_id=event.run_id,
        model_type=event.model_type,
        dataset=event.dataset,
        dataset_version=event.dataset_version,
        validation=event.validation,
        metrics=event.metrics,
        cause=event.cause,
        registered_at=at,
    )


def _assign(draft: _Draft, event: SlotAssigned, at: datetime) -> None:
    if not draft.advances(event.slot, event.generation):
        return
    draft.slots[event.slot] = SlotState(
        version=event.version, bundle=event.bundle, generation=event.generation, share=event.share
    )
    # Given back to the version in production, the slot is reverted, not promoted.
    if event.slot is Slot.PRODUCTION and event.version != draft.production:
        draft.promotion = OpenPromotion(
            version=event.version,
            bundle=event.bundle,
            previous=draft.production,
            generation=event.generation,
            at=at,
            rollback=event.rollback,
        )


def _complete(draft: _Draft, event: PromotionCompleted, at: datetime) -> None:
    if draft.promotion is None or draft.promotion.generation != event.generation:
        return
    draft.promotion = None
    draft.move(draft.production, Stage.ARCHIVED)
    draft.move(event.version, Stage.PRODUCTION, at)
    draft.production = event.version
    if event.rollback and event.version in draft.served:
        # Its last time: of 1, 2, 1, 3 a rollback leaves 1, 2, 1.
        while draft.served[-1] != event.version:
            draft.served.pop()
    else:
        draft.served.append(event.version)
