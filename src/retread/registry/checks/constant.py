"""Check that the candidate is better than a constant answer.

With rare classes, a model that has learned nothing has a high accuracy. The constant is the best
one in hindsight: the most frequent class, the shares of the classes, the median or the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.bundle import Evidence, class_recalls
from retread.core import CheckResult, Outcome, metric_named
from retread.registry.gate_inputs import GateInputs

_Z = 2.326
"""One-sided 99 % of the normal distribution: several measures get a chance each."""

_SMALLEST = 1e-7

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeasuredGain:
    """A measure of the candidate and of the constant; the gain has a lower confidence bound."""

    measure: str
    candidate: float
    constant: float
    gain: float
    lower_bound: float


def check(inputs: GateInputs) -> CheckResult:
    """Pass if one measure shows that the candidate is better, fail if none even hints at it."""
    evidence, labels = inputs.evidence, inputs.manifest.labels
    count = len(evidence.ids)
    problem = _undecidable(evidence)
    if problem:
        return _result(Outcome.INCONCLUSIVE, problem, ())
    if not np.isfinite(evidence.outputs).all():
        return _result(Outcome.FAIL, "Some outputs are not finite numbers.", ())
    if not evidence.is_classification:
        compared: tuple[MeasuredGain, ...] = (_errors(evidence, inputs.settings.metric),)
    else:
        answers = np.unique(evidence.outputs.argmax(axis=1))
        if len(answers) == 1:
            only = labels[int(answers[0])] if int(answers[0]) < len(labels) else answers[0]
            reason = f"It gives the same answer, {only!r}, to all {count} evaluation examples."
            return _result(Outcome.FAIL, reason, ())
        compared = _class_measures(evidence)
    said = "; ".join(
        f"{c.measure} {c.candidate:.4g}, a constant answer's {c.constant:.4g}" for c in compared
    )
    if any(c.lower_bound > 0 for c in compared):
        return _result(Outcome.PASS, f"Better than a constant answer: {said}.", compared)
    if all(c.gain <= 0 for c in compared):
        return _result(Outcome.FAIL, f"No better than a constant answer: {said}.", compared)
    reason = f"Not clearly better than a constant answer on {count} examples: {said}."
    return _result(Outcome.INCONCLUSIVE, reason, compared)


def _undecidable(evidence: Evidence) -> str | None:
    if len(evidence.ids) == 0:
        return "There are no examples to compare on."
    if len(np.unique(evidence.truth)) == 1:
        what = "class" if evidence.is_classification else "target value"
        return f"The evaluation split has a single {what}, which a constant answer always meets."
    return None


def _class_measures(evidence: Evidence) -> tuple[MeasuredGain, ...]:
    truth = evidence.truth.astype(np.int64)
    outputs = evidence.outputs.astype(np.float64)
    shares = np.bincount(truth, minlength=outputs.shape[1]) / len(truth)
    right = (outputs.argmax(axis=1) == truth).astype(np.float64)
    usual = (truth == shares.argmax()).astype(np.float64)
    picked = np.clip(outputs[np.arange(len(truth)), truth], _SMALLEST, 1.0)
    return (
        _paired("accuracy", right, usual),
        _mean_recall(evidence, outputs.shape[1]),
        _paired("loss", -np.log(picked), -np.log(shares[truth]), sign=-1.0),
    )


def _mean_recall(evidence: Evidence, classes: int) -> MeasuredGain:
    """Compare the mean recall with 1 / classes; variances as of Agresti and Coull's interval."""
    found = [(count, recall) for count, recall in class_recalls(evidence, classes) if count]
    mean = float(np.mean([recall for _, recall in found]))
    smoothed = [((recall * count + 1.0) / (count + 2.0), count + 2.0) for count, recall in found]
    variance = sum(p * (1.0 - p) / n for p, n in smoothed) / len(found) ** 2
    gain = mean - 1.0 / len(found)
    return MeasuredGain("mean recall", mean, 1.0 / len(found), gain, gain - _Z * variance**0.5)


def _errors(evidence: Evidence, metric: str) -> MeasuredGain:
    truth = evidence.truth.astype(np.float64)
    errors = evidence.outputs[:, 0].astype(np.float64) - truth
    if metric_named(metric).name == "MAE":
        median = np.abs(truth - np.median(truth))
        return _paired("mean absolute error", np.abs(errors), median, sign=-1.0)
    return _paired("mean squared error", errors**2, (truth - truth.mean()) ** 2, sign=-1.0)


def _paired(measure: str, candidate: Floats, constant: Floats, sign: float = 1.0) -> MeasuredGain:
    gains = sign * (candidate - constant)
    deviation = float(gains.std(ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else float("inf")
    gain = float(gains.mean())
    return MeasuredGain(
        measure, float(candidate.mean()), float(constant.mean()), gain, gain - _Z * deviation
    )


def _result(outcome: Outcome, reason: str, compared: tuple[MeasuredGain, ...]) -> CheckResult:
    numbers = {c.measure: c.candidate for c in compared}
    numbers |= {f"{c.measure} of a constant": c.constant for c in compared}
    numbers |= {f"{c.measure} lower bound of the gain": c.lower_bound for c in compared}
    return CheckResult(check="constant", outcome=outcome, reason=reason, numbers=numbers)
