"""The exported model says what the trained one said."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Largest difference within tolerance; inconclusive when nothing was compared."""
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
            f"Exported and trained model differ by at most {parity.largest_difference:.2g} on "
            f"{parity.examples} examples; {parity.tolerance:g} is allowed."
        ),
        numbers={
            "largest_difference": parity.largest_difference,
            "tolerance": parity.tolerance,
            "examples": float(parity.examples),
        },
    )
