"""The arbiter: the one place that decides whether a trigger starts a retraining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from retread.bundle import CauseKind
from retread.loop.trigger_interface import Proposal
from retread.loop.trigger_requests import History
from retread.project.settings import TriggersSection
from retread.registry.events import TriggerDecision

BUDGET_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision of the arbiter and its reason, as a sentence."""

    decision: TriggerDecision
    reason: str


def arbitrate(
    proposal: Proposal, history: History, policy: TriggersSection, now: datetime
) -> Ruling:
    """Decide whether a proposal starts a retraining.

    There is one retraining per key. A proposal that a user requested, and a commit, waits for its
    turn; any other is deferred while a retraining runs and during the cooldown after it. Once the
    budget of the last 24 hours is used up, a proposal that no user requested is held until one
    does.

    Args:
        proposal: What is proposed.
        history: The requests so far.
        policy: The settings [triggers].
        now: Current time, in UTC.

    Returns:
        The decision and its reason. A proposal in cooldown may be submitted again.
    """
    if proposal.kind not in policy.kinds:
        allowed = ", ".join(policy.kinds) or "none"
        return _ruling(
            TriggerDecision.REFUSED,
            f"[triggers] kinds does not list {proposal.kind}; it lists {allowed}.",
        )
    for request in history:
        if request.key == proposal.key and request.accepted:
            return _ruling(
                TriggerDecision.DUPLICATE, f"{request.trigger} was accepted with the same key."
            )
    if not proposal.user_requested and proposal.kind is not CauseKind.COMMIT:
        cooldown = _cooldown(history, policy, now)
        if cooldown is not None:
            return _ruling(TriggerDecision.COOLDOWN, cooldown)
    spent = spent_budget(history, now)
    if spent >= policy.daily_budget and not proposal.user_requested:
        return _ruling(
            TriggerDecision.HELD,
            f"The budget is used up: {spent} of {policy.daily_budget} retrainings of the last 24 "
            f"hours. Start it manually with: {_manual_command(proposal)}",
        )
    return _ruling(TriggerDecision.ACCEPTED, _queue_position(history))


def cooldown_until(history: History, policy: TriggersSection) -> datetime | None:
    """Return when the cooldown after the last retraining ends; None before the first."""
    ended = [r.finished_at for r in history if r.accepted and r.finished_at]
    return max(ended) + timedelta(seconds=policy.cooldown_s) if ended else None


def spent_budget(history: History, now: datetime) -> int:
    """Return the number of retrainings that were accepted in the last 24 hours."""
    return sum(1 for r in history if r.accepted and now - r.decided_at < BUDGET_WINDOW)


def _cooldown(history: History, policy: TriggersSection, now: datetime) -> str | None:
    """Why a proposal has to wait; None if it does not."""
    running = [request.trigger for request in history if request.open]
    if running:
        return f"{running[0]} is in progress."
    until = cooldown_until(history, policy)
    if until is None or until <= now:
        return None
    return f"The cooldown ends in {(until - now).total_seconds():.0f} s."


def _manual_command(proposal: Proposal) -> str:
    if proposal.kind is CauseKind.COMMIT:
        return f"retread trigger manual --model-type {proposal.model_type}"
    return f"retread trigger {proposal.kind}"


def _queue_position(history: History) -> str:
    ahead = sum(1 for request in history if request.open)
    if not ahead:
        return "It starts now."
    return f"It starts after {ahead} other {'retraining' if ahead == 1 else 'retrainings'}."


def _ruling(decision: TriggerDecision, reason: str) -> Ruling:
    return Ruling(decision=decision, reason=reason)
