"""What the ledger says, for people: one page's worth of what serves, what happens, and why.

>>> from retread.app.overview import LedgerView, overview
>>> from retread.app.overview import in_words
>>> from retread.registry.events import VersionStaged
>>> in_words(VersionStaged(version=3, metric="F1"))
'Version 3 was staged for its F1.'
"""

from retread.app.overview.alarms import Alarm, alarms_in
from retread.app.overview.glance import glance
from retread.app.overview.ledger_view import LedgerView
from retread.app.overview.messages import UnsettledMessage, unsettled
from retread.app.overview.overview import Happening, Judgement, Overview, SlotView, overview
from retread.app.overview.retraining import Phase, Retraining, retrainings_in
from retread.app.overview.words import in_words

__all__ = [
    "Alarm",
    "Happening",
    "Judgement",
    "LedgerView",
    "Overview",
    "Phase",
    "Retraining",
    "SlotView",
    "UnsettledMessage",
    "alarms_in",
    "glance",
    "in_words",
    "overview",
    "retrainings_in",
    "unsettled",
]
