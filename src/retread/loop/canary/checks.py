"""The checks of a canary. Each is anytime-valid: it may be evaluated as often as one likes.

The four checks that can fail share alpha: each fails when its test has reached a wealth of four
over alpha, so the chance that an equal model is rolled back by any of them is at most alpha. Too
little evidence is inconclusive.
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
    """Judge the evidence for and against a canary.

    Args:
        evidence: Everything that was seen since the canary started.
        settings: The settings [canary].
        since: Number of paired requests before the current step.
        last: Whether this is the last step, which needs labels unless [canary] min_labels is 0.
    """
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
        reason=f"{share:.1%} of the predictions failed; at most {settings.max_error_rate:.1%} may",
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
        reason=f"latency is {ratio:.2f} times production's (geometric mean); "
        f"{_share(evidence.slow):.0%} took over {settings.max_latency_ratio:g} times as long",
        numbers={
            "ratio": ratio,
            "max_ratio": settings.max_latency_ratio,
            "slow_share": _share(evidence.slow),
            "log_evidence": evidence.slow.evidence,
        },
    )


def _disagreement(evidence: PairedEvidence, settings: CanarySection) -> CheckResult:
    share = _share(evidence.disagreements)
    return CheckResult(
        check="disagreement",
        outcome=_bounded(evidence.disagreements, settings),
        reason=f"{share:.1%} of the predictions disagree with production's; "
        f"at most {settings.max_disagreement:.0%} may",
        numbers={
            "disagreement": share,
            "max_disagreement": settings.max_disagreement,
            "log_evidence": evidence.disagreements.evidence,
        },
    )


def _quality(evidence: PairedEvidence, settings: CanarySection, *, needed: bool) -> CheckResult:
    """Pass if the canary is non-inferior with confidence; fail if it is worse with confidence."""
    worse, fine = evidence.worse, evidence.not_worse
    difference = worse.mean if worse.values else 0.0
    if worse.evidence >= _fail_threshold(settings):
        outcome = Outcome.FAIL
        reason = f"the loss is {difference:.3f} larger than production's on {worse.values} labels"
    elif not needed:
        outcome = Outcome.PASS
        reason = f"{worse.values} labels so far; this step does not require labels"
    elif fine.values >= settings.min_labels and fine.evidence >= log(1 / settings.alpha):
        outcome = Outcome.PASS
        reason = f"not worse by the margin of {settings.margin:g} on {fine.values} labels"
    else:
        outcome = Outcome.INCONCLUSIVE
        reason = (
            f"{fine.values} labels (minimum {settings.min_labels}) do not yet rule out a loss "
            f"larger by {settings.margin:g}; difference so far: {difference:+.3f}"
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


def _bounded(test: BettingTest, settings: CanarySection) -> Outcome:
    """Fail with confidence; pass while the observed share is within the limit."""
    if test.evidence >= _fail_threshold(settings):
        return Outcome.FAIL
    if not test.values or test.mean > 0:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def _fail_threshold(settings: CanarySection) -> float:
    return log(_FAILING_CHECKS / settings.alpha)


def _share(test: BettingTest) -> float:
    """The share of ones, among values that were tested as `value - test.lower_bound`."""
    return test.mean + test.lower_bound if test.values else 0.0
