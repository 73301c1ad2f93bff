"""The canary's state machine: 10 -> 50 -> 100 %, then production, or back."""

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
    """Where a canary is: `step` counts from 0; `requests` were seen before it began, and it is
    watched since `started_at`."""

    started_at: datetime
    step: int = 0
    requests: int = 0


class CanaryDecision(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is the one after the action; `share` what the canary answers from then on."""

    action: Action
    state: CanaryState
    share: float
    verdict: Verdict
    reason: str

    @property
    def ends(self) -> bool:
        """Whether the canary is over."""
        return self.action in {Action.PROMOTE, Action.ROLL_BACK, Action.EXPIRE}


def advance(
    state: CanaryState, evidence: PairedEvidence, settings: CanarySection, now: datetime
) -> CanaryDecision:
    """What to do now. A failed check rolls back at once; missing evidence is never success: it
    holds, and a step that is watched for `timeout_s` without an answer ends the canary."""
    last = state.step >= len(settings.steps) - 1
    verdict = judge_canary(evidence, settings, since=state.requests, last=last)
    share = settings.steps[state.step]
    if verdict.outcome is Outcome.FAIL:
        return _decision(Action.ROLL_BACK, state, 0.0, verdict, _failures(verdict))
    if verdict.outcome is Outcome.PASS and last:
        return _decision(Action.PROMOTE, state, share, verdict, "every check passed")
    if verdict.outcome is Outcome.PASS:
        following = replace(state, step=state.step + 1, requests=evidence.requests, started_at=now)
        share = settings.steps[following.step]
        reason = f"every check passed at {settings.steps[state.step]:.0%}"
        return _decision(Action.NEXT_STEP, following, share, verdict, reason)
    missing = "; ".join(verdict.reasons)
    if now - state.started_at >= timedelta(seconds=settings.timeout_s):
        reason = f"no answer within {settings.timeout_s:g} s: {missing}"
        return _decision(Action.EXPIRE, state, 0.0, verdict, reason)
    return _decision(Action.HOLD, state, share, verdict, missing)


def _decision(
    action: Action, state: CanaryState, share: float, verdict: Verdict, reason: str
) -> CanaryDecision:
    return CanaryDecision(action=action, state=state, share=share, verdict=verdict, reason=reason)


def _failures(verdict: Verdict) -> str:
    return "; ".join(c.reason for c in verdict.checks if c.outcome is Outcome.FAIL)
