"""Check that the exported model predicts the same as the trained one."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if the largest difference exceeds the tolerance."""
    parity = inputs.manifest.parity
    if parity.examples < 1:
        reason = "The exported model was not compared with the trained one."
        return CheckResult(check="parity", outcome=Outcome.INCONCLUSIVE, reason=reason)
    # Written so that NaN fails.
    passed = parity.largest_difference <= parity.tolerance
    return CheckResult(
        check="parity",
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        reason=(
            f"The exported and the trained model differ by at most "
            f"{parity.largest_difference:.2g} on {parity.examples} examples; "
            f"{parity.tolerance:g} is allowed."
        ),
        numbers={
            "largest_difference": parity.largest_difference,
            "tolerance": parity.tolerance,
            "examples": float(parity.examples),
        },
    )
