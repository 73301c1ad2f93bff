"""Decide how slots change: from the registry's state to the events that change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from retread.core import Conflict, InvalidInput, Refused
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.registry.events import (
    Event,
    GateOverridden,
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
    VersionStaged,
)
from retread.registry.ledger import Entry
from retread.registry.stages import check_may_serve, check_stageable, choose_to_roll_back
from retread.registry.state import ModelVersion, OpenPromotion, RegistryState, SlotState

SERVER_HINT = "See the server's log, and try again."

# Production: a promotion starts, and is completed or reverted.


class Promotion(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """A completed promotion; `servers` acknowledged it, `previous`, if any, was archived."""

    version: int
    previous: int | None
    generation: int
    servers: tuple[str, ...]
    rollback: bool

    def as_table(self) -> ShownTable:
        kind = "Rollback" if self.rollback else "Promotion"
        row = (self.version, self.previous, self.generation, ", ".join(self.servers))
        return ShownTable(kind, ("version", "previous", "generation", "servers"), [row])


def check_free(state: RegistryState, expected_generation: int | None = None) -> None:
    """Check that a promotion may start.

    Args:
        state: The current state.
        expected_generation: The generation that the slot production must have, if it matters.

    Raises:
        Conflict: Another promotion is open, or production has changed.
    """
    if state.promotion is not None:
        raise Conflict(
            f"The promotion of version {state.promotion.version} is in progress.",
            "Wait until it ends; `retread production` shows it.",
        )
    generation = state.slot_generations.get(Slot.PRODUCTION, 0)
    if expected_generation is not None and expected_generation != generation:
        raise Conflict(
            f"Production has changed: its generation is {generation}, not {expected_generation}.",
            "See the current state with: retread production",
        )


def promotion(
    state: RegistryState,
    number: int,
    *,
    reason: str,
    force_reason: str,
    expected_generation: int | None = None,
) -> Sequence[Event]:
    """Start to promote a version; with `force_reason` the gate is overridden first.

    Raises:
        NotFound: There is no such version.
        Refused: The gate did not pass the version.
        Inconclusive: The gate had not enough evidence.
        Conflict: Another promotion is open, or production has changed.
    """
    check_free(state, expected_generation)
    if force_reason:
        begun = intent(state, state.version(number), reason=reason, rollback=False)
        return (GateOverridden(version=number, reason=force_reason), begun)
    return (intent(state, check_may_serve(state, number), reason=reason, rollback=False),)


def rollback(state: RegistryState, to: int | None, *, reason: str) -> Sequence[Event]:
    """Start to roll back to version `to`, or to the production version before.

    Raises:
        NotFound: There is no such version.
        Refused: There is no earlier version, or `to` was never in production.
        Conflict: Another promotion is open, or the version is in production.
    """
    check_free(state)
    return (intent(state, choose_to_roll_back(state, to), reason=reason, rollback=True),)


def intent(
    state: RegistryState, version: ModelVersion, *, reason: str, rollback: bool
) -> SlotAssigned:
    """Start a promotion: assign the slot production to `version`, from the next generation on.

    Raises:
        Conflict: Another promotion is open, or the version is in production.
    """
    check_free(state)
    if version.version == state.production:
        raise Conflict(f"Version {version.version} is already in production.")
    return SlotAssigned(
        slot=Slot.PRODUCTION,
        version=version.version,
        bundle=version.bundle,
        generation=state.generation + 1,
        reason=reason,
        rollback=rollback,
    )


def completion(state: RegistryState, generation: int, servers: tuple[str, ...]) -> Sequence[Event]:
    """Complete the promotion of `generation`, if it is open.

    The version leaves its other slots. The canary ends: it was compared with a version that is no
    longer in production.
    """
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
    """Revert the promotion of `generation`, if it is open: the previous version serves again."""
    opened = _open_at(state, generation)
    if opened is None:
        return ()
    back: Event
    why = f"version {opened.version} was reverted"
    if opened.previous is not None:
        back = SlotAssigned(
            slot=Slot.PRODUCTION,
            version=opened.previous,
            bundle=state.version(opened.previous).bundle,
            generation=state.generation + 1,
            reason=why,
        )
    else:
        back = SlotCleared(slot=Slot.PRODUCTION, generation=state.generation + 1, reason=why)
    return (back, PromotionReverted(version=opened.version, generation=generation, reason=reason))


def outcome_of(
    entries: Sequence[Entry], generation: int
) -> PromotionCompleted | PromotionReverted | None:
    """Return the event that ended the promotion of `generation`, None while it is open."""
    for entry in entries:
        event = entry.event
        if not isinstance(event, PromotionCompleted | PromotionReverted):
            continue
        if event.generation == generation:
            return event
    return None


def result(
    opened: OpenPromotion, outcome: PromotionCompleted | PromotionReverted | None
) -> Promotion:
    """Turn the outcome of a promotion into its result.

    Raises:
        Refused: The promotion was reverted.
        Conflict: The promotion was superseded.
    """
    if isinstance(outcome, PromotionReverted):
        before = opened.previous
        kept = "production stays empty" if before is None else f"version {before} stays"
        raise Refused(
            f"Version {opened.version} was not promoted; {kept}. {outcome.reason}",
            "See the current state with: retread production",
        )
    if outcome is None:
        raise Conflict(f"The promotion of version {opened.version} was superseded.")
    return Promotion(
        version=outcome.version,
        previous=outcome.previous,
        generation=outcome.generation,
        servers=outcome.servers,
        rollback=outcome.rollback,
    )


def is_over(entries: Sequence[Entry], slot: Slot, generation: int) -> bool:
    """Tell whether `generation` of `slot` was settled or superseded, so that no wait is needed."""
    moved = any(
        isinstance(entry.event, SlotAssigned | SlotCleared)
        and entry.event.slot is slot
        and entry.event.generation > generation
        for entry in entries
    )
    return moved or outcome_of(entries, generation) is not None


def remaining_s(opened: OpenPromotion, now: datetime, timeout_s: float) -> float:
    """Return the seconds until the servers of an open promotion are late; 0 when they are."""
    left = opened.at + timedelta(seconds=timeout_s) - now
    # A clock that was set back must not prolong the wait beyond a whole promotion.
    return min(max(left.total_seconds(), 0.0), timeout_s)


def _open_at(state: RegistryState, generation: int) -> OpenPromotion | None:
    opened = state.promotion
    return opened if opened is not None and opened.generation == generation else None


# Canary, shadow and staging: a version is assigned, cleared or restored.


def assignment(
    state: RegistryState, slot: Slot, number: int, share: float, reason: str
) -> SlotAssigned:
    """Assign `slot` to a version; a canary needs a passing gate verdict or an override.

    Raises:
        NotFound: There is no such version.
        Refused: The gate did not pass the version.
        Inconclusive: The gate had not enough evidence.
        InvalidInput: The share is not greater than 0 and at most 1.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput(
            f"Invalid traffic share {share}.", "Use a share greater than 0 and at most 1."
        )
    takes_traffic = slot is Slot.CANARY
    version = check_may_serve(state, number) if takes_traffic else state.version(number)
    return SlotAssigned(
        slot=slot,
        version=number,
        bundle=version.bundle,
        generation=state.generation + 1,
        share=share,
        reason=reason,
    )


def staging(state: RegistryState, number: int, held: SlotState, metric: str) -> Sequence[Event]:
    """Move a version to stage Staging, if the slot staging is still in state `held`.

    Raises:
        NotFound: There is no such version.
        Refused: The version is in production.
        Conflict: Another version was staged in the meantime.
    """
    check_stageable(state, number)
    if state.slots.get(Slot.STAGING) != held:
        raise Conflict(
            "Another version was staged in the meantime.",
            "See the current state with: retread production",
        )
    return (VersionStaged(version=number, metric=metric),)


def clearance(state: RegistryState, slot: Slot, holder: int | None, reason: str) -> Sequence[Event]:
    """Clear `slot`, unless it is empty or held by another version than `holder` (None: any)."""
    held = state.slots.get(slot)
    if held is None or holder not in (None, held.version):
        return ()
    return (SlotCleared(slot=slot, generation=state.generation + 1, reason=reason),)


def restoration(
    state: RegistryState, slot: Slot, generation: int, before: SlotState | None, reason: str
) -> Sequence[Event]:
    """Restore `slot` to its state before `generation`, unless that change was superseded."""
    held = state.slots.get(slot)
    if held is None or held.generation != generation:
        return ()
    if (
        before is None
        or before.version is None
        or before.bundle is None
        or before.version == held.version
    ):
        return (SlotCleared(slot=slot, generation=state.generation + 1, reason=reason),)
    return (
        SlotAssigned(
            slot=slot,
            version=before.version,
            bundle=before.bundle,
            generation=state.generation + 1,
            share=before.share,
            reason=reason,
        ),
    )
