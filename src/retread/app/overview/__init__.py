"""What a ledger says, as sentences and as an overview of the project.

>>> from retread.app.overview import describe_event
>>> from retread.registry.events import VersionStaged
>>> describe_event(VersionStaged(version=3, metric="F1"))
'Version 3 was staged as the best by F1.'
"""

from retread.app.overview.describe import describe_event
from retread.app.overview.overview import (
    Alarm,
    AlarmKind,
    HistoryEntry,
    LatestVerdict,
    LedgerSnapshot,
    LedgerView,
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

__all__ = [
    "Alarm",
    "AlarmKind",
    "HistoryEntry",
    "LatestVerdict",
    "LedgerSnapshot",
    "LedgerView",
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
    "overview",
    "retrainings_in",
    "undelivered_messages",
]
