"""Everything the ledger can say.

>>> from retread.registry.events import VersionStaged, encode_event
>>> encode_event(VersionStaged(version=3))
b'{"event":"VersionStaged","metric":"","version":3}'
"""

from retread.registry.events.codec import LedgerEvent, decode_event, encode_event
from retread.registry.events.event import Event
from retread.registry.events.loop import (
    CanaryFinished,
    CanaryJudged,
    CanaryOutcome,
    CanaryStarted,
    RetrainingFinished,
    RetrainingOutcome,
    RetrainingStarted,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)
from retread.registry.events.models import (
    GateJudged,
    GateOverridden,
    VersionArchived,
    VersionRegistered,
    VersionStaged,
)
from retread.registry.events.slots import (
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    SlotCleared,
)
from retread.registry.events.watching import (
    DatasetVersionAdded,
    DatasetVersionReleased,
    DegradationDetected,
    DriftDetected,
)

__all__ = [
    "CanaryFinished",
    "CanaryJudged",
    "CanaryOutcome",
    "CanaryStarted",
    "DatasetVersionAdded",
    "DatasetVersionReleased",
    "DegradationDetected",
    "DriftDetected",
    "Event",
    "GateJudged",
    "GateOverridden",
    "LedgerEvent",
    "PromotionCompleted",
    "PromotionReverted",
    "RetrainingFinished",
    "RetrainingOutcome",
    "RetrainingStarted",
    "Slot",
    "SlotAssigned",
    "SlotCleared",
    "TriggerDecided",
    "TriggerDecision",
    "TriggerReceived",
    "VersionArchived",
    "VersionRegistered",
    "VersionStaged",
    "decode_event",
    "encode_event",
]
