"""Check that a single example is predicted within the latency budget."""

from __future__ import annotations

import numpy as np

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if the 95th percentile over single-example runs exceeds the budget."""
    runs = inputs.measurement.latency_ms
    budget = inputs.settings.max_latency_ms
    if len(runs) == 0:
        reason = "The bundle has no examples to measure latency on."
        return CheckResult(check="latency", outcome=Outcome.INCONCLUSIVE, reason=reason)
    p95 = float(np.quantile(runs, 0.95))
    return CheckResult(
        check="latency",
        outcome=Outcome.PASS if p95 <= budget else Outcome.FAIL,
        reason=f"95th percentile of single predictions: {p95:.2f} ms (limit: {budget:g} ms).",
        numbers={"p95_ms": p95, "median_ms": float(np.median(runs)), "budget_ms": budget},
    )
