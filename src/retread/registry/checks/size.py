"""Check that the model file is not larger than allowed."""

from __future__ import annotations

from retread.bundle import MODEL
from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if model.onnx exceeds the budget in megabytes."""
    entry = inputs.manifest.files.get(MODEL)
    budget = inputs.settings.max_size_mb
    if entry is None:
        reason = f"The bundle has no {MODEL}."
        return CheckResult(check="size", outcome=Outcome.INCONCLUSIVE, reason=reason)
    size = entry.size / 1e6
    return CheckResult(
        check="size",
        outcome=Outcome.PASS if size <= budget else Outcome.FAIL,
        reason=f"{MODEL} has {size:.2f} MB; {budget:g} MB is allowed.",
        numbers={"size_mb": size, "budget_mb": budget},
    )
