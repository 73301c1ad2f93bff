"""The state machine of the canary: wider step by step, then production, or back."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from retread.core import Outcome, Verdict
from retread.loop.canary.checks import judge_canary
from retread.loop.canary.evidence import PairedEvidence
from retread.project.settings import CanarySection


class Action(StrEnum):
    """What to do with the canary."""

    HOLD = "hold"
    NEXT_STEP = "next-step"
    PROMOTE = "promote"
    ROLL_BACK = "roll-back"
    EXPIRE = "expire"


class CanaryState(msgspec.Struct, frozen=True, kw_only=True):
    """The step that a canary is at.

    Attributes:
        started_at: When the step began.
        step: Index of the step in [canary] steps, from 0.
        requests: Number of paired requests before the step.
    """

    started_at: datetime
    step: int = 0
    requests: int = 0


class CanaryDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, and why.

    Attributes:
        action: What to do.
        state: The state after the action.
        share: The canary's share of the traffic after the action.
        verdict: The checks that led to it.
        reason: Why, for people to read.
    """

    action: Action
    state: CanaryState
    share: float
    verdict: Verdict
    reason: str

    @property
    def ends(self) -> bool:
        """Whether the canary ends with this decision."""
        return self.action in {Action.PROMOTE, Action.ROLL_BACK, Action.EXPIRE}


def advance(
    state: CanaryState, evidence: PairedEvidence, settings: CanarySection, now: datetime
) -> CanaryDecision:
    """Decide what to do with a canary.

    A failed check rolls it back at once. Missing evidence is never a success: the canary holds, and
    expires when a step has been inconclusive for [canary] timeout_s.

    Args:
        state: The step that the canary is at.
        evidence: Everything that was seen since the canary started.
        settings: The settings [canary].
        now: Current time, in UTC.
    """
    last = state.step >= len(settings.steps) - 1
    verdict = judge_canary(evidence, settings, since=state.requests, last=last)
    share = settings.steps[state.step]
    if verdict.outcome is Outcome.FAIL:
        return _decision(Action.ROLL_BACK, state, 0.0, verdict, _failures(verdict))
    if verdict.outcome is Outcome.PASS and last:
        return _decision(Action.PROMOTE, state, share, verdict, "every check passed")
    if verdict.outcome is Outcome.PASS:
        following = replace(state, step=state.step + 1, requests=evidence.requests, started_at=now)
        reason = f"every check passed at {share:.0%}"
        share = settings.steps[following.step]
        return _decision(Action.NEXT_STEP, following, share, verdict, reason)
    missing = "; ".join(verdict.reasons)
    if now - state.started_at >= timedelta(seconds=settings.timeout_s):
        reason = f"inconclusive after {settings.timeout_s:g} s: {missing}"
        return _decision(Action.EXPIRE, state, 0.0, verdict, reason)
    return _decision(Action.HOLD, state, share, verdict, missing)


def _decision(
    action: Action, state: CanaryState, share: float, verdict: Verdict, reason: str
) -> CanaryDecision:
    return CanaryDecision(action=action, state=state, share=share, verdict=verdict, reason=reason)


def _failures(verdict: Verdict) -> str:
    return "; ".join(c.reason for c in verdict.checks if c.outcome is Outcome.FAIL)
