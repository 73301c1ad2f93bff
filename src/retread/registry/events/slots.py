"""Slots of the server: who answers where, from which epoch on."""

from __future__ import annotations

from enum import StrEnum

from retread.registry.events.event import Event


class Slot(StrEnum):
    """A place in the server."""

    PRODUCTION = "production"
    CANARY = "canary"
    SHADOW = "shadow"
    STAGING = "staging"


class SlotAssigned(Event, frozen=True, kw_only=True):
    """From `epoch` on, `slot` answers with `version`; `share` of routing keys for a canary.

    This is the intent: servers load it and acknowledge. For production it is followed by
    PromotionCompleted or PromotionReverted; `rollback` says which kind of promotion it is.
    """

    slot: Slot
    version: int
    bundle: str
    epoch: int
    share: float = 1.0
    reason: str = ""
    rollback: bool = False


class SlotCleared(Event, frozen=True, kw_only=True):
    """From `epoch` on, `slot` is empty."""

    slot: Slot
    epoch: int
    reason: str = ""


class PromotionCompleted(Event, frozen=True, kw_only=True):
    """Every live server acknowledged `epoch`; `previous` (0: none) is archived."""

    version: int
    previous: int
    epoch: int
    servers: tuple[str, ...]
    rollback: bool = False


class PromotionReverted(Event, frozen=True, kw_only=True):
    """`version` did not come into production at `epoch`, which was given back: a server could not
    load it, or a person took it back."""

    version: int
    epoch: int
    reason: str
