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


def check_free(state: RegistryState, expected_epoch: int | None = None) -> None:
    """Raises Conflict while a promotion is open, and when the slot production is not at
    `expected_epoch` any more."""
    if state.promotion is not None:
        raise Conflict(
            f"The promotion of version {state.promotion.version} is under way.",
            "Wait for it to end; `retread production` shows it.",
        )
    epoch = state.slot_epochs.get(Slot.PRODUCTION, 0)
    if expected_epoch is not None and expected_epoch != epoch:
        raise Conflict(
            f"Production was changed meanwhile: its epoch is {epoch}, not {expected_epoch}.",
            "Look again: retread production",
        )


def intent(
    state: RegistryState, version: ModelVersion, *, reason: str, rollback: bool
) -> SlotAssigned:
    """Give the slot production to `version`, from the next epoch on; Conflict."""
    check_free(state)
    if version.version == state.production:
        raise Conflict(f"Version {version.version} is in production already.")
    return SlotAssigned(
        slot=Slot.PRODUCTION,
        version=version.version,
        bundle=version.bundle,
        epoch=state.epoch + 1,
        reason=reason,
        rollback=rollback,
    )


def completion(state: RegistryState, epoch: int, servers: tuple[str, ...]) -> Sequence[Event]:
    """Close the promotion of `epoch`, and empty the slots where its version waited, and the canary,
    whose production is not the one it was judged beside any more; nothing if it is not open."""
    opened = _open_at(state, epoch)
    if opened is None:
        return ()
    over = [
        slot
        for slot, held in state.slots.items()
        if slot is not Slot.PRODUCTION and (held.version == opened.version or slot is Slot.CANARY)
    ]
    reason = f"version {opened.version} was promoted"
    cleared = [
        SlotCleared(slot=slot, epoch=state.epoch + number, reason=reason)
        for number, slot in enumerate(over, start=1)
    ]
    completed = PromotionCompleted(
        version=opened.version,
        previous=opened.previous,
        epoch=epoch,
        servers=servers,
        rollback=opened.rollback,
    )
    return (completed, *cleared)


def reversion(state: RegistryState, epoch: int, reason: str) -> Sequence[Event]:
    """Give production back, from a new epoch on; nothing if `epoch` is not open."""
    opened = _open_at(state, epoch)
    if opened is None:
        return ()
    back: Event
    if opened.previous:
        back = SlotAssigned(
            slot=Slot.PRODUCTION,
            version=opened.previous,
            bundle=state.version(opened.previous).bundle,
            epoch=state.epoch + 1,
            reason=f"version {opened.version} was reverted",
        )
    else:
        back = SlotCleared(
            slot=Slot.PRODUCTION,
            epoch=state.epoch + 1,
            reason=f"version {opened.version} was reverted",
        )
    return (back, PromotionReverted(version=opened.version, epoch=epoch, reason=reason))


def outcome_of(
    entries: Sequence[Entry], epoch: int
) -> PromotionCompleted | PromotionReverted | None:
    """How the promotion of `epoch` ended; None while it is open."""
    for entry in entries:
        event = entry.event
        if isinstance(event, PromotionCompleted | PromotionReverted) and event.epoch == epoch:
            return event
    return None


def is_over(entries: Sequence[Entry], slot: Slot, epoch: int) -> bool:
    """Whether waiting for `epoch` of `slot` is pointless: it ended, or the slot moved on."""
    moved = any(
        isinstance(entry.event, SlotAssigned | SlotCleared)
        and entry.event.slot is slot
        and entry.event.epoch > epoch
        for entry in entries
    )
    return moved or outcome_of(entries, epoch) is not None


def remaining_s(opened: OpenPromotion, now: datetime, timeout_s: float) -> float:
    """Seconds until an open promotion's servers are late; 0 when they are."""
    left = opened.at + timedelta(seconds=timeout_s) - now
    # A clock that went back must not make anyone wait longer than a whole promotion.
    return min(max(left.total_seconds(), 0.0), timeout_s)


def _open_at(state: RegistryState, epoch: int) -> OpenPromotion | None:
    opened = state.promotion
    return opened if opened is not None and opened.epoch == epoch else None
