"""Fold events into the registry's state; only this module gives events their meaning."""

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
from retread.registry.state import (
    ModelVersion,
    OpenPromotion,
    Override,
    RegistryState,
    SlotState,
    Stage,
)

EMPTY = RegistryState()


def fold(entries: Iterable[Entry], start: RegistryState = EMPTY) -> RegistryState:
    """Return the state after `entries`.

    Args:
        entries: Ledger entries in order.
        start: The state before the first of them.
    """
    draft = _Draft.from_state(start)
    for entry in entries:
        _apply(draft, entry.event, entry.at)
    return draft.to_state()


def state_at(entries: Sequence[Entry], time: datetime) -> RegistryState:
    """Return the state at `time`: after the last entry that is not later, and all before it."""
    return fold(entries_until(entries, time))


def entries_until(entries: Sequence[Entry], time: datetime) -> Sequence[Entry]:
    """Return the entries up to the last one that is not later than `time`."""
    # The order of the entries counts: clocks may jump.
    count = next((n for n in range(len(entries), 0, -1) if entries[n - 1].at <= time), 0)
    return entries[:count]


class Projection:
    """Fold a growing ledger incrementally: each entry is folded once."""

    def __init__(self) -> None:
        self._folded = (0, EMPTY)

    def of(self, entries: Sequence[Entry]) -> RegistryState:
        """Return `fold(entries)`.

        Args:
            entries: The entries of one ledger, from its first one on.
        """
        count, state = self._folded
        if len(entries) < count:
            return fold(entries)
        if len(entries) > count:
            state = fold(entries[count:], state)
            self._folded = (len(entries), state)
        return state


@dataclass(slots=True)
class _Draft:
    versions: dict[int, ModelVersion]
    slots: dict[Slot, SlotState]
    slot_generations: dict[Slot, int]
    generation: int
    production: int | None
    promotion: OpenPromotion | None
    served: list[int]

    @classmethod
    def from_state(cls, state: RegistryState) -> _Draft:
        return cls(
            versions=dict(state.versions),
            slots=dict(state.slots),
            slot_generations=dict(state.slot_generations),
            generation=state.generation,
            production=state.production,
            promotion=state.promotion,
            served=list(state.served),
        )

    def to_state(self) -> RegistryState:
        return RegistryState(
            versions=self.versions,
            slots=self.slots,
            slot_generations=self.slot_generations,
            generation=self.generation,
            production=self.production,
            promotion=self.promotion,
            served=tuple(self.served),
        )

    def move(self, version: int | None, stage: Stage, promoted_at: datetime | None = None) -> None:
        if version is not None and version in self.versions:
            moved = self.versions[version]
            at = promoted_at or moved.promoted_at
            self.versions[version] = replace(moved, stage=stage, promoted_at=at)

    def unstage(self) -> None:
        """Move the versions in Staging back to None."""
        for number, version in self.versions.items():
            if version.stage is Stage.STAGING:
                self.versions[number] = replace(version, stage=Stage.NONE)

    def is_open(self, generation: int) -> bool:
        """Tell whether the promotion of `generation` is open."""
        return self.promotion is not None and self.promotion.generation == generation

    def advances(self, slot: Slot, generation: int) -> bool:
        """Advance `slot` to `generation`; return False if the slot is already there or further."""
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
        case PromotionReverted() if draft.is_open(event.generation):
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
    # If the slot goes back to the version in production, a promotion is reverted.
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
    if not draft.is_open(event.generation):
        return
    draft.promotion = None
    draft.move(draft.production, Stage.ARCHIVED)
    draft.move(event.version, Stage.PRODUCTION, at)
    draft.production = event.version
    if event.rollback and event.version in draft.served:
        # Back to its latest time in production: of 1, 2, 1, 3 a rollback leaves 1, 2, 1.
        while draft.served[-1] != event.version:
            draft.served.pop()
    else:
        draft.served.append(event.version)
