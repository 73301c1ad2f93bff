"""Check that the metrics in the manifest match the evidence."""

from __future__ import annotations

from math import isclose, isnan

from retread.bundle import Manifest, evidence_metrics
from retread.core import CheckResult, Outcome, short
from retread.registry.gate_inputs import GateInputs

_TOLERANCE = 1e-6


def check(inputs: GateInputs) -> CheckResult:
    """Fail if a recomputed metric differs, or if the evidence is from another split."""
    evidence = inputs.evidence
    declared = inputs.manifest.lineage.evaluation_digest
    if evidence.evaluation_digest != declared:
        found = short(evidence.evaluation_digest)
        reason = f"The evidence is from split {found}, but the lineage names {short(declared)}."
        return CheckResult(check="evidence", outcome=Outcome.FAIL, reason=reason)
    measured = evidence_metrics(evidence)
    claimed = inputs.manifest.metrics
    wrong = [name for name in claimed if not _agree(claimed[name], measured.get(name))]
    if wrong:
        differences = "; ".join(
            f"{name}: {_difference(claimed[name], measured.get(name))}" for name in wrong
        )
        return CheckResult(
            check="evidence",
            outcome=Outcome.FAIL,
            reason=f"The manifest's metrics do not match the evidence. {differences}.",
            numbers={name: measured[name] for name in wrong if name in measured},
        )
    return CheckResult(
        check="evidence",
        outcome=Outcome.PASS,
        reason=f"{len(claimed)} metrics were recomputed from {len(evidence.ids)} predictions."
        + _of_which_model(inputs.manifest),
        numbers={"examples": float(len(evidence.ids))},
    )


def _of_which_model(manifest: Manifest) -> str:
    if manifest.refit is None:
        return ""
    return (
        f" They are of the model before it was trained once more on all {manifest.refit.rows} rows."
    )


def _agree(claimed: float, measured: float | None) -> bool:
    if measured is None:
        return False
    both_undefined = isnan(claimed) and isnan(measured)
    return both_undefined or isclose(claimed, measured, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _difference(claimed: float, measured: float | None) -> str:
    shown = "nothing" if measured is None else f"{measured:.4f}"
    return f"the manifest states {claimed:.4f}, the predictions give {shown}"
