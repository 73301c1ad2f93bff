"""Promotion as decisions: from the state to the events that change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from retread.core import Conflict
from retread.registry.events import (
    Event,
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
)
from retread.registry.ledger import Entry
from retread.registry.state import OpenPromotion, RegistryState
from retread.registry.versions import ModelVersion


def check_free(state: RegistryState, expected_generation: int | None = None) -> None:
    """Raises Conflict while a promotion is open, and when the slot production is not at
    `expected_generation` any more."""
    if state.promotion is not None:
        raise Conflict(
            f"The promotion of version {state.promotion.version} is under way.",
            "Wait for it to end; `retread production` shows it.",
        )
    generation = state.slot_generations.get(Slot.PRODUCTION, 0)
    if expected_generation is not None and expected_generation != generation:
        raise Conflict(
            f"Production was changed meanwhile: its generation is {generation}, not {expected_generation}.",
            "Look again: retread production",
        )


def intent(
    state: RegistryState, version: ModelVersion, *, reason: str, rollback: bool
) -> SlotAssigned:
    """Give the slot production to `version`, from the next generation on; Conflict."""
    check_free(state)
    if version.version == state.production:
        raise Conflict(f"Version {version.version} is in production already.")
    return SlotAssigned(
        slot=Slot.PRODUCTION,
        version=version.version,
        bundle=version.bundle,
        generation=state.generation + 1,
        reason=reason,
        rollback=rollback,
    )


def completion(state: RegistryState, generation: int, servers: tuple[str, ...]) -> Sequence[Event]:
    """Close the promotion of `generation`, and empty the slots where its version waited, and the canary,
    whose production is not the one it was judged beside any more; nothing if it is not open."""
    opened = _open_at(state, generation)
    if opened is None:
        return ()
    over = [
        slot
        for slot, held in state.slots.items()
        if slot is not Slot.PRODUCTION and (held.version == opened.version or slot is Slot.CANARY)
    ]
    reason = f"version {opened.version} was promoted"
    cleared = [
        SlotCleared(slot=slot, generation=state.generation + number, reason=reason)
        for number, slot in enumerate(over, start=1)
    ]
    completed = PromotionCompleted(
        version=opened.version,
        previous=opened.previous,
        generation=generation,
        servers=servers,
        rollback=opened.rollback,
    )
    return (completed, *cleared)


def reversion(state: RegistryState, generation: int, reason: str) -> Sequence[Event]:
    """Give production back, from a new generation on; nothing if `generation` is not open."""
    opened = _open_at(state, generation)
    if opened is None:
        return ()
    back: Event
    if opened.previous:
        back = SlotAssigned(
            slot=Slot.PRODUCTION,
            version=opened.previous,
            bundle=state.version(opened.previous).bundle,
            generation=state.generation + 1,
            reason=f"version {opened.version} was reverted",
        )
    else:
        back = SlotCleared(
            slot=Slot.PRODUCTION,
            generation=state.generation + 1,
            reason=f"version {opened.version} was reverted",
        )
    return (back, PromotionReverted(version=opened.version, generation=generation, reason=reason))


def outcome_of(
    entries: Sequence[Entry], generation: int
) -> PromotionCompleted | PromotionReverted | None:
    """How the promotion of `generation` ended; None while it is open."""
    for entry in entries:
        event = entry.event
        if (
            isinstance(event, PromotionCompleted | PromotionReverted)
            and event.generation == generation
        ):
            return event
    return None


def is_over(entries: Sequence[Entry], slot: Slot, generation: int) -> bool:
    """Whether waiting for `generation` of `slot` is pointless: it ended, or the slot moved on."""
    moved = any(
        isinstance(entry.event, SlotAssigned | SlotCleared)
        and entry.event.slot is slot
        and entry.event.generation > generation
        for entry in entries
    )
    return moved or outcome_of(entries, generation) is not None


def remaining_s(opened: OpenPromotion, now: datetime, timeout_s: float) -> float:
    """Seconds until an open promotion's servers are late; 0 when they are."""
    left = opened.at + timedelta(seconds=timeout_s) - now
    # A clock that went back must not make anyone wait longer than a whole promotion.
    return min(max(left.total_seconds(), 0.0), timeout_s)


def _open_at(state: RegistryState, generation: int) -> OpenPromotion | None:
    opened = state.promotion
    return opened if opened is not None and opened.generation == generation else None
