"""What the ledger says about each slot, newest epoch last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from retread.registry.events import LedgerEvent, Slot, SlotAssigned, SlotCleared


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to answer in a slot from `epoch` on; no bundle: nobody."""

    epoch: int
    version: int = 0
    bundle: str = ""
    share: float = 1.0


def follow(known: Mapping[Slot, Assigned], events: Iterable[LedgerEvent]) -> dict[Slot, Assigned]:
    """`known` after `events`; what is not newer than what is known of its slot is ignored.

    >>> events = [SlotCleared(slot=Slot.CANARY, epoch=2)]
    >>> follow({Slot.CANARY: Assigned(epoch=3, version=1, bundle="b")}, events)[Slot.CANARY].version
    1
    """
    slots = dict(known)
    for event in events:
        if not isinstance(event, SlotAssigned | SlotCleared):
            continue
        if event.slot in slots and event.epoch <= slots[event.slot].epoch:
            continue
        if isinstance(event, SlotCleared):
            slots[event.slot] = Assigned(epoch=event.epoch)
        else:
            slots[event.slot] = Assigned(
                epoch=event.epoch, version=event.version, bundle=event.bundle, share=event.share
            )
    return slots
