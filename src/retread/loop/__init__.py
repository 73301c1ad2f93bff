"""The loop: triggers, arbiter, durable retraining, canary and outbox.

>>> from datetime import UTC, datetime
>>> from retread.bundle import CauseKind
>>> from retread.loop import Proposal, arbitrate
>>> from retread.project import Settings
>>> proposal = Proposal(kind=CauseKind.MANUAL, key="ticket-7", detail="new camera")
>>> ruling = arbitrate(proposal, (), Settings().triggers, datetime(2026, 1, 1, tzinfo=UTC))
>>> ruling.decision.value, ruling.reason
('accepted', 'It starts now.')

The loop itself is `retread.loop.loop`, which loads DBOS and is therefore imported by name; the
canary is `retread.loop.canary`.
"""

from retread.loop.arbiter import Ruling, arbitrate, cooldown_until, spent_budget
from retread.loop.health import LoopHealth, PartFailure, read_health
from retread.loop.messages import MessageContext
from retread.loop.outbox import MessageState, Outbox
from retread.loop.ports import LoopPorts
from retread.loop.replay import Replayed, replay
from retread.loop.trigger_evaluation import proposal_for, submit, trigger_context
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key
from retread.loop.trigger_requests import History, Request, fold_history
from retread.loop.wait_point import Interrupted, WaitPoint, WaitReason

__all__ = [
    "History",
    "Interrupted",
    "LoopHealth",
    "LoopPorts",
    "MessageContext",
    "MessageState",
    "Outbox",
    "PartFailure",
    "Proposal",
    "Replayed",
    "Request",
    "Ruling",
    "TriggerContext",
    "TriggerOptions",
    "WaitPoint",
    "WaitReason",
    "arbitrate",
    "cooldown_until",
    "fold_history",
    "proposal_for",
    "read_health",
    "replay",
    "spent_budget",
    "submit",
    "trigger_context",
    "trigger_key",
]
