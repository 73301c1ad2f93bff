"""Events as canonical JSON, and back."""

from __future__ import annotations

import msgspec

from retread.core import canonical_json
from retread.registry.events import loop, models, slots, watching
from retread.registry.events.event import Event

LedgerEvent = (
    models.VersionRegistered
    | models.GateJudged
    | models.GateOverridden
    | models.VersionStaged
    | models.VersionArchived
    | slots.SlotAssigned
    | slots.SlotCleared
    | slots.PromotionCompleted
    | slots.PromotionReverted
    | loop.TriggerReceived
    | loop.TriggerDecided
    | loop.RetrainingStarted
    | loop.RetrainingFinished
    | loop.CanaryStarted
    | loop.CanaryJudged
    | loop.CanaryFinished
    | watching.DatasetVersionAdded
    | watching.DatasetVersionReleased
    | watching.DriftDetected
    | watching.DegradationDetected
)

_decoder: msgspec.json.Decoder[LedgerEvent] = msgspec.json.Decoder(LedgerEvent)


def encode_event(event: Event) -> bytes:
    return canonical_json(event)


def decode_event(content: bytes | str) -> LedgerEvent:
    return _decoder.decode(content)
