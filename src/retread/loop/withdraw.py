"""Taking a version off the traffic."""

from __future__ import annotations

from retread.loop.ports import Models
from retread.registry.events import Slot


def withdraw(models: Models, version: int, reason: str) -> None:
    """Empty canary and staging, where `version` holds them."""
    for slot in (Slot.CANARY, Slot.STAGING):
        held = models.state().slots.get(slot)
        if held is not None and held.version == version:
            models.clear(slot, reason)
