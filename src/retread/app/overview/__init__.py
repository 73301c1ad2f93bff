"""What the ledger says, for people: one page's worth of what serves, what happens, and why.

>>> from retread.app.overview import LedgerView, overview
>>> from retread.app.overview import describe_event
>>> from retread.registry.events import VersionStaged
>>> describe_event(VersionStaged(version=3, metric="F1"))
'Version 3 was staged for its F1.'
"""

from retread.app.overview.alarms import Alarm, alarms_in
from retread.app.overview.glance import glance
from retread.app.overview.ledger_view import LedgerView
from retread.app.overview.messages import UnsettledMessage, unsettled
from retread.app.overview.overview import HistoryEntry, Judgement, Overview, SlotView, overview
from retread.app.overview.retraining import Phase, Retraining, retrainings_in
from retread.app.overview.words import describe_event

__all__ = [
    "Alarm",
    "HistoryEntry",
    "Judgement",
    "LedgerView",
    "Overview",
    "Phase",
    "Retraining",
    "SlotView",
    "UnsettledMessage",
    "alarms_in",
    "describe_event",
    "glance",
    "overview",
    "retrainings_in",
    "unsettled",
]
