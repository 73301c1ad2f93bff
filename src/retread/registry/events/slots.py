"""Slots of the server: who answers where, from which generation on."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from retread.registry.events.event import Event


class Slot(StrEnum):
    """A place in the server."""

    PRODUCTION = "production"
    CANARY = "canary"
    SHADOW = "shadow"
    STAGING = "staging"


class SlotAssigned(Event, frozen=True, kw_only=True):
    """From `generation` on, `slot` answers with `version`; `share` of routing keys for a canary.

    This is the intent: servers load it and acknowledge. For production it is followed by
    PromotionCompleted or PromotionReverted; `rollback` says which kind of promotion it is.
    """

    slot: Slot
    version: int
    bundle: str
    generation: int = msgspec.field(name="epoch")
    share: float = 1.0
    reason: str = ""
    rollback: bool = False


class SlotCleared(Event, frozen=True, kw_only=True):
    """From `generation` on, `slot` is empty."""

    slot: Slot
    generation: int = msgspec.field(name="epoch")
    reason: str = ""


class PromotionCompleted(Event, frozen=True, kw_only=True):
    """Every live server acknowledged `generation`; `previous` (0: none) is archived."""

    version: int
    previous: int
    generation: int = msgspec.field(name="epoch")
    servers: tuple[str, ...]
    rollback: bool = False


class PromotionReverted(Event, frozen=True, kw_only=True):
    """`version` did not come into production at `generation`, which was given back: a server could not
    load it, or a person took it back."""

    version: int
    generation: int = msgspec.field(name="epoch")
    reason: str
