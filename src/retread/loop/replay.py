"""Replay recorded triggers against a changed [triggers] policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from retread.bundle import CauseKind
from retread.loop.arbiter import arbitrate
from retread.loop.trigger_requests import History, Request, fold_history
from retread.project.settings import TriggersSection
from retread.registry.events import TriggerDecision
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One recorded trigger under another policy.

    Attributes:
        trigger: Id of the trigger.
        kind: Kind of the trigger.
        at: When it was recorded.
        was: What the arbiter decided last.
        would_be: What it would have decided.
        reason: Why it would have decided so.
    """

    trigger: str
    kind: CauseKind
    at: datetime
    was: TriggerDecision | None
    would_be: TriggerDecision
    reason: str

    @property
    def differs(self) -> bool:
        """Whether the decision would have been another one."""
        return self.was != self.would_be


def replay(entries: Sequence[Entry], policy: TriggersSection) -> tuple[Replayed, ...]:
    """Decide on every recorded trigger as if `policy` had always been in force.

    A deferred trigger is submitted again when it was submitted again in the past. A retraining that
    did not take place is assumed to last as long as the mean of those that did.

    Args:
        entries: All entries of the ledger, oldest first.
        policy: The settings [triggers] to try.

    Returns:
        One result per trigger, in the order in which they were received.
    """
    past = fold_history(entries)
    mean_duration = _mean_duration(past)
    submissions = [(request.received_at, request) for request in past]
    submissions += [(r.decided_at, r) for r in past if r.decided_at > r.received_at]
    replayed: dict[str, Request] = {}
    for now, request in sorted(submissions, key=lambda pair: pair[0]):
        before = replayed.get(request.trigger)
        if before and before.decision is not TriggerDecision.COOLDOWN:
            continue
        ruling = arbitrate(request.proposal, _as_of(replayed.values(), now), policy, now)
        starts = ruling.decision is TriggerDecision.ACCEPTED
        replayed[request.trigger] = replace(
            request,
            decision=ruling.decision,
            reason=ruling.reason,
            decided_at=now,
            finished_at=request.finished_at or now + mean_duration if starts else None,
        )
    return tuple(_compared(request, replayed[request.trigger]) for request in past)


def _compared(was: Request, would_be: Request) -> Replayed:
    return Replayed(
        trigger=was.trigger,
        kind=was.proposal.kind,
        at=was.received_at,
        was=was.decision,
        would_be=would_be.decision or TriggerDecision.REFUSED,
        reason=would_be.reason,
    )


def _as_of(requests: Iterable[Request], now: datetime) -> History:
    """The same requests, with those that end after `now` still open."""
    return tuple(
        replace(request, finished_at=None)
        if request.finished_at and request.finished_at > now
        else request
        for request in requests
    )


def _mean_duration(past: History) -> timedelta:
    durations = [r.finished_at - r.decided_at for r in past if r.finished_at]
    return sum(durations, timedelta()) / len(durations) if durations else timedelta()
