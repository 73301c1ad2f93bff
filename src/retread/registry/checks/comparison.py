"""The candidate is not worse than production on the same examples, by more than a margin."""

from __future__ import annotations

from math import isfinite

import numpy as np

from retread.bundle import Evidence, evidence_metrics
from retread.core import CheckResult, Metric, Outcome, metric_named
from retread.registry.comparison import bootstrap_interval, misaligned, score_interval
from retread.registry.comparison.bootstrap import gain
from retread.registry.gate_inputs import GateInputs

_MORE = " More evaluation examples, or a wider [gate] margin, would decide."


def check(inputs: GateInputs) -> CheckResult:
    """Non-inferiority: pass when, with confidence, the loss is within the margin; fail when the
    loss found is over it, or certain; else inconclusive. Pass without a production."""
    if inputs.production is None:
        return _result(Outcome.PASS, "There is no production yet to compare with.")
    evidence = inputs.production.evidence
    if evidence is None:
        return _result(
            Outcome.INCONCLUSIVE, "Production was not scored on the candidate's evaluation split."
        )
    problem = misaligned(inputs.evidence, evidence)
    if problem:
        return _result(Outcome.INCONCLUSIVE, f"No verdict: the evidences are no pair, {problem}.")
    if len(evidence.ids) == 0:
        return _result(Outcome.INCONCLUSIVE, "There are no examples to compare on.")
    return _compare(inputs, evidence, metric_named(inputs.settings.metric))


def _compare(inputs: GateInputs, production: Evidence, metric: Metric) -> CheckResult:
    settings = inputs.settings
    found = gain(inputs.evidence, production, metric)
    low, high = _bounds(inputs.evidence, production, metric, settings.confidence)
    numbers = {
        "candidate": evidence_metrics(inputs.evidence).get(metric.name, float("nan")),
        "production": evidence_metrics(production).get(metric.name, float("nan")),
        "difference": found,
        "lower_bound": low,
        "upper_bound": high,
        "margin": settings.margin,
        "confidence": settings.confidence,
        "examples": float(len(production.ids)),
    }
    if not all(isfinite(value) for value in (found, low, high)):
        return _result(Outcome.INCONCLUSIVE, f"{metric.name} is undefined.", numbers)
    if low >= -settings.margin:
        outcome = Outcome.PASS
    elif found < -settings.margin or high < 0:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INCONCLUSIVE
    reason = _reason(metric, numbers, inputs.production_name)
    return _result(outcome, reason + (_MORE if outcome is Outcome.INCONCLUSIVE else ""), numbers)


def _bounds(
    candidate: Evidence, production: Evidence, metric: Metric, confidence: float
) -> tuple[float, float]:
    if metric.name != "Accuracy":
        return bootstrap_interval(candidate, production, metric, confidence)
    ours = candidate.outputs.argmax(axis=1) == candidate.truth
    theirs = production.outputs.argmax(axis=1) == production.truth
    wins = int(np.count_nonzero(ours & ~theirs))
    losses = int(np.count_nonzero(theirs & ~ours))
    return score_interval(wins, losses, len(ours), confidence)


def _reason(metric: Metric, numbers: dict[str, float], production: str) -> str:
    unit = "" if metric.higher_is_better else " of production's"
    return (
        f"{metric.name} is {numbers['candidate']:.4f}, that of {production} "
        f"{numbers['production']:.4f} on the same {numbers['examples']:.0f} examples: "
        f"a gain of {numbers['difference']:+.4f}{unit}, "
        f"at least {numbers['lower_bound']:+.4f} with "
        f"{numbers['confidence']:.0%} confidence; {-numbers['margin']:+g} is asked for."
    )


def _result(outcome: Outcome, reason: str, numbers: dict[str, float] | None = None) -> CheckResult:
    return CheckResult(check="comparison", outcome=outcome, reason=reason, numbers=numbers or {})
