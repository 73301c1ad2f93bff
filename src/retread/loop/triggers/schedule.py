"""The clock reached a time of [triggers] schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from croniter import croniter

from retread.bundle import CauseKind
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions


def observe(view: TriggerContext) -> tuple[Proposal, ...]:
    """The latest time that was reached since the ledger began.

    The time itself is the key, so a clock that jumps starts nothing twice, and times missed while
    the loop was down are made up for once.
    """
    if not view.policy.schedule or not view.entries:
        return ()
    reached: datetime = croniter(view.policy.schedule, view.now).get_prev(datetime)
    if reached <= view.entries[0].at:
        return ()
    detail = f"{view.policy.schedule!r} was reached at {reached:%Y-%m-%d %H:%M} UTC"
    return (_proposal(view, reached.isoformat(), detail),)


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """What the schedule does, now: each asking is a new one, unless it brings its own key."""
    detail = asked.message or "the schedule's retraining, asked for by hand"
    return replace(_proposal(view, asked.key or view.now.isoformat(), detail), by_hand=True)


def _proposal(view: TriggerContext, window: str, detail: str) -> Proposal:
    # Not the data's digest: a new version does not make the same minute another one.
    key = trigger_key(view.model, CauseKind.SCHEDULE, window, "")
    return Proposal(kind=CauseKind.SCHEDULE, key=key, detail=detail)
