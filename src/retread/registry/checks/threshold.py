"""Check that the gate's metric reaches the project's threshold."""

from __future__ import annotations

from math import isnan

from retread.bundle import evidence_metrics, undefined_because
from retread.core import CheckResult, Outcome, metric_named
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if the metric, recomputed from the evidence, misses the threshold."""
    metric = metric_named(inputs.settings.metric)
    threshold = inputs.settings.threshold
    metrics = evidence_metrics(inputs.evidence)
    value = metrics.get(metric.name, float("nan"))
    numbers = {metric.name: value, "threshold": threshold}
    if metrics and metric.name not in metrics:
        reason = (
            f"This task has no {metric.name}; set [gate] metric to one of: {', '.join(metrics)}."
        )
        return _result(Outcome.FAIL, reason, numbers)
    if isnan(value):
        why = undefined_because(metric.name, inputs.evidence, inputs.manifest.labels)
        reason = f"{metric.name} is not defined: {why}."
        return _result(Outcome.INCONCLUSIVE, reason, numbers)
    passed = metric.at_least(value, threshold)
    limit = "at least" if metric.higher_is_better else "at most"
    reason = f"{metric.name} is {value:.4f}; {limit} {threshold:g} is required."
    return _result(Outcome.PASS if passed else Outcome.FAIL, reason, numbers)


def _result(outcome: Outcome, reason: str, numbers: dict[str, float]) -> CheckResult:
    return CheckResult(check="threshold", outcome=outcome, reason=reason, numbers=numbers)
