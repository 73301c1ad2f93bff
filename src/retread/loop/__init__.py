"""The loop: triggers, arbiter, durable retraining, canary, outbox.

>>> from datetime import UTC, datetime
>>> from retread.bundle import CauseKind
>>> from retread.loop import Proposal, arbitrate
>>> from retread.project import Settings
>>> proposal = Proposal(kind=CauseKind.MANUAL, key="by hand", detail="asked for by hand")
>>> ruling = arbitrate(proposal, (), Settings().triggers, datetime(2026, 1, 1, tzinfo=UTC))
>>> ruling.decision.value, ruling.reason
('accepted', 'It starts now.')

The loop itself is `retread.loop.loop`, which loads DBOS and so is imported by name; the canary is
`retread.loop.canary`.
"""

from retread.loop.arbiter import arbitrate
from retread.loop.decision import Ruling
from retread.loop.history import History, Request, fold_history
from retread.loop.observe import proposal_for, trigger_context
from retread.loop.outbox import MessageState, Outbox
from retread.loop.ports import LoopPorts
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.replay import Replayed, replay
from retread.loop.submit import submit
from retread.loop.view import TriggerContext, TriggerOptions
from retread.loop.waiting import Interrupted, WaitPoint
from retread.registry.events import TriggerDecision

__all__ = [
    "History",
    "Interrupted",
    "LoopPorts",
    "MessageState",
    "Outbox",
    "Proposal",
    "Replayed",
    "Request",
    "Ruling",
    "TriggerContext",
    "TriggerDecision",
    "TriggerOptions",
    "WaitPoint",
    "arbitrate",
    "fold_history",
    "proposal_for",
    "replay",
    "submit",
    "trigger_context",
    "trigger_key",
]
