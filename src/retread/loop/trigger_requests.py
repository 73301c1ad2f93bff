"""The requests for retraining so far: what was proposed, decided and achieved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from retread.bundle import Cause
from retread.loop.trigger_interface import Proposal
from retread.registry.events import (
    RetrainingFinished,
    RetrainingOutcome,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One recorded trigger.

    Attributes:
        trigger: Id of the trigger.
        proposal: What was proposed.
        received_at: When it was recorded.
        decided_at: When the arbiter decided last.
        decision: The latest decision of the arbiter.
        reason: Why the arbiter decided so.
        finished_at: When its retraining ended.
        outcome: How its retraining ended.
    """

    trigger: str
    proposal: Proposal
    received_at: datetime
    decided_at: datetime
    decision: TriggerDecision | None = None
    reason: str = ""
    finished_at: datetime | None = None
    outcome: RetrainingOutcome | None = None

    @property
    def key(self) -> str:
        """Identity of the proposal."""
        return self.proposal.key

    @property
    def accepted(self) -> bool:
        """Whether the arbiter accepted it."""
        return self.decision is TriggerDecision.ACCEPTED

    @property
    def open(self) -> bool:
        """Whether it was accepted and its retraining has not ended."""
        return self.accepted and self.finished_at is None


History = tuple[Request, ...]


def fold_history(entries: Iterable[Entry], before: History = ()) -> History:
    """Fold ledger entries into requests.

    Args:
        entries: Entries of the ledger, oldest first.
        before: The requests of earlier entries.

    Returns:
        One request per trigger, in the order in which they were received.
    """
    requests = {request.trigger: request for request in before}
    for entry in entries:
        event = entry.event
        match event:
            case TriggerReceived():
                requests[event.trigger] = Request(
                    trigger=event.trigger,
                    proposal=proposal_of(event),
                    received_at=entry.at,
                    decided_at=entry.at,
                )
            case TriggerDecided() if event.trigger in requests:
                requests[event.trigger] = replace(
                    requests[event.trigger],
                    decision=TriggerDecision(event.decision),
                    reason=event.reason,
                    decided_at=entry.at,
                )
            case RetrainingFinished() if event.trigger in requests:
                requests[event.trigger] = replace(
                    requests[event.trigger],
                    finished_at=entry.at,
                    outcome=RetrainingOutcome(event.outcome),
                )
            case _:
                pass
    return tuple(requests.values())


def trigger_received(proposal: Proposal, trigger: str) -> TriggerReceived:
    """Return the event that records `proposal` under the id `trigger`."""
    return TriggerReceived(
        trigger=trigger,
        key=proposal.key,
        cause=Cause(kind=proposal.kind, detail=proposal.detail, trigger=trigger),
        scenario=proposal.scenario or "",
        model_type=proposal.model_type or "",
        version=proposal.version,
        candidate=proposal.candidate,
        force=proposal.force_reason or "",
        user_requested=proposal.user_requested,
    )


def proposal_of(event: TriggerReceived) -> Proposal:
    """Return the proposal that `event` records; the inverse of `trigger_received`."""
    return Proposal(
        kind=event.cause.kind,
        key=event.key,
        detail=event.cause.detail,
        scenario=event.scenario or None,
        model_type=event.model_type or None,
        version=event.version,
        candidate=event.candidate,
        force_reason=event.force or None,
        user_requested=event.user_requested,
    )
