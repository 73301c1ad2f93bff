"""Every request for retraining so far, folded from the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from retread.loop.proposal import Proposal, proposed
from retread.registry.events import (
    RetrainingFinished,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One trigger: what was proposed, the latest decision, and how its retraining ended."""

    trigger: str
    proposal: Proposal
    received_at: datetime
    decided_at: datetime
    decision: TriggerDecision | None = None
    reason: str = ""
    finished_at: datetime | None = None
    outcome: str = ""

    @property
    def key(self) -> str:
        return self.proposal.key

    @property
    def accepted(self) -> bool:
        return self.decision is TriggerDecision.ACCEPTED

    @property
    def open(self) -> bool:
        """Accepted, and its retraining has not ended."""
        return self.accepted and self.finished_at is None


History = tuple[Request, ...]


def fold_history(entries: Iterable[Entry]) -> History:
    """Requests in the order in which they were received."""
    requests: dict[str, Request] = {}
    for entry in entries:
        event = entry.event
        match event:
            case TriggerReceived():
                requests[event.trigger] = Request(
                    trigger=event.trigger,
                    proposal=proposed(event),
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
                    requests[event.trigger], finished_at=entry.at, outcome=event.outcome
                )
            case _:
                pass
    return tuple(requests.values())
