"""The one place that says whether a trigger starts a retraining."""

from __future__ import annotations

from datetime import datetime, timedelta

from retread.bundle import CauseKind
from retread.loop.decision import Ruling
from retread.loop.history import History
from retread.loop.proposal import Proposal
from retread.project.settings import TriggersSection
from retread.registry.events import TriggerDecision

BUDGET_WINDOW = timedelta(hours=24)


def arbitrate(
    proposal: Proposal, history: History, policy: TriggersSection, now: datetime
) -> Ruling:
    """Whether `proposal` is accepted, and why.

    One retraining per key. What a person asks outright, and a commit, waits for its turn; any other
    is put off while a retraining runs and until the cooldown after it has passed. When the last 24
    hours have used up the budget, everything that no person asked outright is held for one.
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
                TriggerDecision.DUPLICATE, f"{request.trigger} asked for the same before."
            )
    if not proposal.by_hand and proposal.kind is not CauseKind.COMMIT:
        cooling = _cooling(history, policy, now)
        if cooling:
            return _ruling(TriggerDecision.COOLDOWN, cooling)
    spent = sum(1 for r in history if r.accepted and now - r.decided_at < BUDGET_WINDOW)
    if spent >= policy.daily_budget and not proposal.by_hand:
        return _ruling(
            TriggerDecision.HELD,
            f"{spent} of {policy.daily_budget} retrainings of the last 24 hours are used up; "
            f"a person may start it with: {_by_hand(proposal)}",
        )
    return _ruling(TriggerDecision.ACCEPTED, _place(history))


def _cooling(history: History, policy: TriggersSection, now: datetime) -> str:
    running = [request.trigger for request in history if request.open]
    if running:
        return f"{running[0]} is in progress."
    ended = [r.finished_at for r in history if r.accepted and r.finished_at]
    if not ended:
        return ""
    left = policy.cooldown_s - (now - max(ended)).total_seconds()
    return f"The cooldown lasts another {left:.0f} s." if left > 0 else ""


def _by_hand(proposal: Proposal) -> str:
    if proposal.kind is CauseKind.COMMIT:
        return f"retread trigger manual --model-type {proposal.model_type}"
    return f"retread trigger {proposal.kind}"


def _place(history: History) -> str:
    ahead = sum(1 for request in history if request.open)
    return f"It starts after {ahead} before it." if ahead else "It starts now."


def _ruling(decision: TriggerDecision, reason: str) -> Ruling:
    return Ruling(decision=decision, reason=reason)
