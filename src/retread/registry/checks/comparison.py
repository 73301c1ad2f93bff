"""Check that the candidate is not worse than production on the same examples."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import numpy as np

from retread.bundle import Evidence, evidence_metrics
from retread.core import CheckResult, Metric, Outcome, metric_named, short
from retread.registry.comparison import (
    bootstrap_interval,
    gain,
    in_labels_of_both,
    score_interval,
)
from retread.registry.gate_inputs import GateInputs, Opponent

_MORE = " More evaluation examples, or a wider [gate] margin, would decide."


def check(inputs: GateInputs) -> CheckResult:
    """Test for non-inferiority: the candidate may be worse by the margin, but not more.

    Passes if the lower confidence bound of the gain is within the margin, and if there is no
    production yet. Fails if the observed loss exceeds the margin, or if the upper bound shows a
    loss. Otherwise it is inconclusive.
    """
    if inputs.production is None:
        return _result(Outcome.PASS, "There is no production version to compare with yet.")
    evidence = inputs.production.evidence
    if evidence is None:
        return _result(
            Outcome.INCONCLUSIVE, "Production was not scored on the candidate's evaluation split."
        )
    inputs, evidence = _in_labels_of_both(inputs, inputs.production, evidence)
    problem = misaligned(inputs.evidence, evidence)
    if problem:
        reason = f"Cannot compare: the two evaluations do not match ({problem})."
        return _result(Outcome.INCONCLUSIVE, reason)
    if len(evidence.ids) == 0:
        return _result(Outcome.INCONCLUSIVE, "There are no examples to compare on.")
    return _compare(inputs, evidence, metric_named(inputs.settings.metric))


def _in_labels_of_both(
    inputs: GateInputs, production: Opponent, evidence: Evidence
) -> tuple[GateInputs, Evidence]:
    if production.manifest is None:
        return inputs, evidence
    ours, theirs = in_labels_of_both(
        inputs.evidence, inputs.manifest.labels, evidence, production.manifest.labels
    )
    return replace(inputs, evidence=ours), theirs


def misaligned(candidate: Evidence, production: Evidence) -> str | None:
    """Say why the rows of two evaluations cannot be compared pairwise; None if they can."""
    if candidate.evaluation_digest != production.evaluation_digest:
        return (
            f"they come from different evaluation splits, "
            f"{short(candidate.evaluation_digest)} and {short(production.evaluation_digest)}"
        )
    if not np.array_equal(candidate.ids, production.ids):
        return f"they cover different examples, {len(candidate.ids)} and {len(production.ids)}"
    if len(np.unique(candidate.ids)) != len(candidate.ids):
        return "an example occurs twice"
    if not np.array_equal(candidate.truth, production.truth):
        return "they differ in the true labels"
    if candidate.outputs.shape != production.outputs.shape:
        shapes = f"{candidate.outputs.shape} and {production.outputs.shape}"
        return f"their outputs have different shapes, {shapes}"
    return None


def _compare(inputs: GateInputs, production: Evidence, metric: Metric) -> CheckResult:
    settings = inputs.settings
    observed = gain(inputs.evidence, production, metric)
    low, high = _bounds(inputs.evidence, production, metric, settings.confidence)
    numbers = {
        "candidate": evidence_metrics(inputs.evidence).get(metric.name, float("nan")),
        "production": evidence_metrics(production).get(metric.name, float("nan")),
        "difference": observed,
        "lower_bound": low,
        "upper_bound": high,
        "margin": settings.margin,
        "confidence": settings.confidence,
        "examples": float(len(production.ids)),
    }
    if not all(isfinite(value) for value in (observed, low, high)):
        return _result(Outcome.INCONCLUSIVE, f"{metric.name} is undefined.", numbers)
    if low >= -settings.margin:
        outcome = Outcome.PASS
    elif observed < -settings.margin or high < 0:
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
        f"{numbers['confidence']:.0%} confidence; the limit is {-numbers['margin']:+g}."
    )


def _result(outcome: Outcome, reason: str, numbers: dict[str, float] | None = None) -> CheckResult:
    return CheckResult(check="comparison", outcome=outcome, reason=reason, numbers=numbers or {})
