"""Taking a version off the traffic."""

from __future__ import annotations

from retread.loop.ports import Models
from retread.registry.events import Slot


def withdraw(models: Models, version: int, reason: str) -> None:
    """Empty canary and staging, where `version` holds them."""
    for slot in (Slot.CANARY, Slot.STAGING):
        models.clear(slot, version, reason)
