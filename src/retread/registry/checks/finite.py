"""Every answer is a number."""

from __future__ import annotations

import numpy as np

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """No NaN and no infinity, on the evaluation split and on the bundle's own examples."""
    count = len(inputs.evidence.outputs)
    good = np.isfinite(inputs.evidence.outputs).all(axis=1)
    bad = count - int(np.count_nonzero(good))
    numbers = {"not_finite": float(bad), "examples": float(count)}
    if bad:
        reason = f"{bad} of {count} answers on the evaluation split are NaN or infinite."
    elif not inputs.measurement.finite:
        reason = "An answer on the bundle's own examples is NaN or infinite."
    else:
        return CheckResult(
            check="finite",
            outcome=Outcome.PASS,
            reason=f"All {count} answers are numbers.",
            numbers=numbers,
        )
    return CheckResult(check="finite", outcome=Outcome.FAIL, reason=reason, numbers=numbers)
