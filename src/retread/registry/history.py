"""Who answered where, and when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from retread.registry.events import Slot, SlotAssigned, SlotCleared
from retread.registry.ledger import Entry


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """`version` was assigned to `slot` from `since` until `until` (None: it still is)."""

    slot: Slot
    version: int
    generation: int
    share: float
    since: datetime
    until: datetime | None = None


def periods(entries: Iterable[Entry]) -> tuple[Period, ...]:
    """Every assignment of every slot, in the order of the generations."""
    ended: list[Period] = []
    held: dict[Slot, Period] = {}
    newest: dict[Slot, int] = {}
    for entry in entries:
        event = entry.event
        if not isinstance(event, SlotAssigned | SlotCleared):
            continue
        if event.generation <= newest.get(event.slot, 0):
            continue
        newest[event.slot] = event.generation
        if event.slot in held:
            ended.append(replace(held.pop(event.slot), until=entry.at))
        if isinstance(event, SlotAssigned):
            held[event.slot] = Period(
                slot=event.slot,
                version=event.version,
                generation=event.generation,
                share=event.share,
                since=entry.at,
            )
    return tuple(sorted([*ended, *held.values()], key=lambda period: period.generation))
