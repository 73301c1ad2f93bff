"""What a canary is judged on. Each check is any-time valid: looking more often costs nothing.

A check fails when its bets have made 1/alpha of their share of alpha, so an equal model is
rolled back by any of them with a chance of at most alpha. Too little evidence is inconclusive.
"""

from __future__ import annotations

from math import exp, log

from retread.core import CheckResult, Outcome, Verdict, combine
from retread.loop.canary.evidence import PairedEvidence
from retread.monitoring import BettingTest
from retread.project.settings import CanarySection

_FAILING_CHECKS = 4


def judge_canary(
    evidence: PairedEvidence, settings: CanarySection, *, since: int = 0, last: bool = True
) -> Verdict:
    """All checks together; `since` are the requests before this step, and the `last` step also
    needs labels, unless `min_labels` is 0."""
    checks = [
        _requests(evidence.requests - since, settings),
        _errors(evidence, settings),
        _latency(evidence, settings),
        _disagreement(evidence, settings),
        _quality(evidence, settings, needed=last and settings.min_labels > 0),
    ]
    return combine(checks)


def _requests(requests: int, settings: CanarySection) -> CheckResult:
    enough = requests >= settings.min_requests
    return CheckResult(
        check="requests",
        outcome=Outcome.PASS if enough else Outcome.INCONCLUSIVE,
        reason=f"{requests} of {settings.min_requests} paired requests in this step",
        numbers={"requests": requests, "min_requests": settings.min_requests},
    )


def _errors(evidence: PairedEvidence, settings: CanarySection) -> CheckResult:
    share = _share(evidence.errors)
    return CheckResult(
        check="errors",
        outcome=_bounded(evidence.errors, settings),
        reason=f"{share:.1%} of answers failed, {settings.max_error_rate:.1%} are allowed",
        numbers={
            "error_rate": share,
            "max_error_rate": settings.max_error_rate,
            "log_evidence": evidence.errors.evidence,
        },
    )


def _latency(evidence: PairedEvidence, settings: CanarySection) -> CheckResult:
    count = evidence.slow.values
    ratio = exp(evidence.log_latency_ratio / count) if count else 0.0
    return CheckResult(
        check="latency",
        outcome=_bounded(evidence.slow, settings),
        reason=f"answers take {ratio:.2f} times production's time (geometric mean); "
        f"{_share(evidence.slow):.0%} took over {settings.max_latency_ratio:g} times",
        numbers={
            "ratio": ratio,
            "max_ratio": settings.max_latency_ratio,
            "slow_share": _share(evidence.slow),
            "log_evidence": evidence.slow.evidence,
        },
    )


def _disagreement(evidence: PairedEvidence, settings: CanarySection) -> CheckResult:
    share = _share(evidence.unlike)
    return CheckResult(
        check="disagreement",
        outcome=_bounded(evidence.unlike, settings),
        reason=f"{share:.1%} of answers are unlike production's, "
        f"{settings.max_disagreement:.0%} are allowed",
        numbers={
            "disagreement": share,
            "max_disagreement": settings.max_disagreement,
            "log_evidence": evidence.unlike.evidence,
        },
    )


def _quality(evidence: PairedEvidence, settings: CanarySection, *, needed: bool) -> CheckResult:
    """Non-inferior with confidence is a pass; worse with confidence is a failure."""
    worse, fine = evidence.worse, evidence.not_worse
    difference = worse.mean if worse.values else 0.0
    if worse.evidence >= _fail_threshold(settings):
        outcome = Outcome.FAIL
        reason = f"loss is larger than production's by {difference:.3f} on {worse.values} labels"
    elif not needed:
        outcome = Outcome.PASS
        reason = f"{worse.values} labels; none are needed in this step"
    elif fine.values >= settings.min_labels and fine.evidence >= log(1 / settings.alpha):
        outcome = Outcome.PASS
        reason = f"not worse by the margin {settings.margin:g}, on {fine.values} labels"
    else:
        outcome = Outcome.INCONCLUSIVE
        reason = (
            f"{fine.values} labels (at least {settings.min_labels}) do not show yet that the loss "
            f"is not larger by the margin {settings.margin:g}; so far by {difference:.3f}"
        )
    return CheckResult(
        check="quality",
        outcome=outcome,
        reason=reason,
        numbers={
            "labels": fine.values,
            "loss_difference": difference,
            "margin": settings.margin,
            "log_evidence_worse": worse.evidence,
            "log_evidence_not_worse": fine.evidence,
        },
    )


def _bounded(bets: BettingTest, settings: CanarySection) -> Outcome:
    """Fail with confidence; pass while the share seen is within what is allowed."""
    if bets.evidence >= _fail_threshold(settings):
        return Outcome.FAIL
    if not bets.values or bets.mean > 0:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def _fail_threshold(settings: CanarySection) -> float:
    return log(_FAILING_CHECKS / settings.alpha)


def _share(bets: BettingTest) -> float:
    """The share of ones among values that were bet on as `value - worst`."""
    return bets.mean + bets.worst if bets.values else 0.0
