"""What a ledger says, as sentences and as an overview of the project.

>>> from retread.app.overview import describe_event
>>> from retread.registry.events import VersionStaged
>>> describe_event(VersionStaged(version=3, metric="F1"))
'Version 3 was staged as the best by F1.'
"""

from retread.app.overview.describe import describe_event
from retread.app.overview.live import (
    FailedPart,
    LiveReader,
    LiveState,
    look_at_traffic,
    settings_not_in_use,
    standing_alarms,
)
from retread.app.overview.overview import (
    Alarm,
    AlarmKind,
    HistoryEntry,
    LatestVerdict,
    Overview,
    SlotView,
    UndeliveredMessage,
    VerdictSource,
    alarms_in,
    history_of,
    load_overview,
    overview,
    undelivered_messages,
)
from retread.app.overview.retraining import Phase, Retraining, retrainings_in
from retread.app.overview.snapshot import LedgerSnapshot, LedgerView

__all__ = [
    "Alarm",
    "AlarmKind",
    "FailedPart",
    "HistoryEntry",
    "LatestVerdict",
    "LedgerSnapshot",
    "LedgerView",
    "LiveReader",
    "LiveState",
    "Overview",
    "Phase",
    "Retraining",
    "SlotView",
    "UndeliveredMessage",
    "VerdictSource",
    "alarms_in",
    "describe_event",
    "history_of",
    "load_overview",
    "look_at_traffic",
    "overview",
    "retrainings_in",
    "settings_not_in_use",
    "standing_alarms",
    "undelivered_messages",
]
