"""A time of [triggers] schedule was reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from croniter import croniter

from retread.bundle import CauseKind
from retread.core.local_time import local_time
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key


def evaluate(context: TriggerContext) -> tuple[Proposal, ...]:
    """Propose a retraining for the latest scheduled time since the ledger began.

    The time itself is the key: a clock that jumps starts nothing twice, and of the times that were
    missed while the loop was down, the latest is made up for.
    """
    if not context.policy.schedule or not context.entries:
        return ()
    now = context.now.astimezone(context.zone)
    local: datetime = croniter(context.policy.schedule, now).get_prev(datetime)
    reached = local.astimezone(UTC)
    if reached <= context.entries[0].at:
        return ()
    detail = f"{context.policy.schedule!r} was reached at {local_time(reached, context.zone)}"
    return (_proposal(context, reached.isoformat(), detail),)


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose what the schedule does, now; each request is a new one, unless it brings a key."""
    window = options.key or context.now.isoformat()
    detail = options.message or "scheduled retraining, requested manually"
    return replace(_proposal(context, window, detail), user_requested=True)


def _proposal(context: TriggerContext, window: str, detail: str) -> Proposal:
    # Without the digest of the data: a new version does not make a scheduled time a different one.
    key = trigger_key(context.model, CauseKind.SCHEDULE, window, None)
    return Proposal(kind=CauseKind.SCHEDULE, key=key, detail=detail)
