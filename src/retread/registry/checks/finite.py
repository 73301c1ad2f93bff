"""Check that all outputs are finite numbers."""

from __future__ import annotations

import numpy as np

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if an output on the evaluation split or on the bundle's examples is not finite."""
    count = len(inputs.evidence.outputs)
    good = np.isfinite(inputs.evidence.outputs).all(axis=1)
    bad = count - int(np.count_nonzero(good))
    numbers = {"not_finite": float(bad), "examples": float(count)}
    if bad:
        reason = f"{bad} of {count} predictions on the evaluation split are NaN or infinite."
    elif not inputs.measurement.finite:
        reason = "A prediction on the bundle's own examples is NaN or infinite."
    else:
        return CheckResult(
            check="finite",
            outcome=Outcome.PASS,
            reason=f"All {count} predictions are finite numbers.",
            numbers=numbers,
        )
    return CheckResult(check="finite", outcome=Outcome.FAIL, reason=reason, numbers=numbers)
