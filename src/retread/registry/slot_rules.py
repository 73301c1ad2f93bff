"""Canary, shadow and staging as decisions: from the state to the events that change a slot."""

from __future__ import annotations

from collections.abc import Sequence

from retread.core import InvalidInput
from retread.registry.events import Event, Slot, SlotAssigned, SlotCleared
from retread.registry.stages import check_may_serve
from retread.registry.state import RegistryState, SlotState


def assignment(
    state: RegistryState, slot: Slot, number: int, share: float, reason: str
) -> SlotAssigned:
    """Give `slot` to a version; a canary must have been let through by the gate or a person.

    Raises NotFound, Refused, and InvalidInput for a share that is not over 0 and at most 1.
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput(f"A share of {share} is not possible.", "Use more than 0, at most 1.")
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


def clearance(state: RegistryState, slot: Slot, holder: int, reason: str) -> Sequence[Event]:
    """Empty `slot`; nothing if it is empty, or if another version than `holder` (0: any) has it."""
    held = state.slots.get(slot)
    if held is None or holder not in (0, held.version):
        return ()
    return (SlotCleared(slot=slot, generation=state.generation + 1, reason=reason),)


def restoration(
    state: RegistryState, slot: Slot, generation: int, before: SlotState | None, reason: str
) -> Sequence[Event]:
    """Make `slot` what it was before its change of `generation`; nothing if that was superseded."""
    held = state.slots.get(slot)
    if held is None or held.generation != generation:
        return ()
    if before is None or before.version == held.version:
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
