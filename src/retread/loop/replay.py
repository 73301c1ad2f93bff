"""What a changed [triggers] policy would have decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from retread.loop.arbiter import arbitrate
from retread.loop.history import History, Request, fold_history
from retread.project.settings import TriggersSection
from retread.registry.events import TriggerDecision
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One trigger: what was decided when it came, and what `policy` would have said."""

    trigger: str
    kind: str
    at: datetime
    was: str
    would_be: TriggerDecision
    reason: str

    @property
    def differs(self) -> bool:
        return self.was != self.would_be


def replay(entries: Sequence[Entry], policy: TriggersSection) -> tuple[Replayed, ...]:
    """Each trigger, in order, against a history in which `policy` had decided all before it.

    A trigger that was put off is asked about again when it was then. A retraining that did not
    happen is taken to last as long as the mean of those that did.
    """
    past = fold_history(entries)
    usual = _usual_duration(past)
    asked = [(request.received_at, request) for request in past]
    asked += [(r.decided_at, r) for r in past if r.decided_at > r.received_at]
    imagined: dict[str, Request] = {}
    for now, request in sorted(asked, key=lambda pair: pair[0]):
        before = imagined.get(request.trigger)
        if before and before.decision is not TriggerDecision.COOLDOWN:
            continue
        ruling = arbitrate(request.proposal, _as_of(imagined.values(), now), policy, now)
        begins = ruling.decision is TriggerDecision.ACCEPTED
        imagined[request.trigger] = replace(
            request,
            decision=ruling.decision,
            reason=ruling.reason,
            decided_at=now,
            finished_at=request.finished_at or now + usual if begins else None,
        )
    return tuple(_replayed(request, imagined[request.trigger]) for request in past)


def _replayed(was: Request, would_be: Request) -> Replayed:
    return Replayed(
        trigger=was.trigger,
        kind=was.proposal.kind,
        at=was.received_at,
        was=was.decision or "",
        would_be=would_be.decision or TriggerDecision.REFUSED,
        reason=would_be.reason,
    )


def _as_of(imagined: Iterable[Request], now: datetime) -> History:
    """The same requests, with those that end later still open."""
    return tuple(
        replace(request, finished_at=None)
        if request.finished_at and request.finished_at > now
        else request
        for request in imagined
    )


def _usual_duration(past: History) -> timedelta:
    lasted = [r.finished_at - r.decided_at for r in past if r.finished_at]
    return sum(lasted, timedelta()) / len(lasted) if lasted else timedelta()
