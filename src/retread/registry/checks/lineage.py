"""Check that the origin of the model is recorded."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.registry.gate_inputs import GateInputs


def check(inputs: GateInputs) -> CheckResult:
    """Fail if the lineage lacks run, data, evaluation split or environment.

    With `require_clean_commit` it must also name a commit without uncommitted changes.
    """
    lineage = inputs.manifest.lineage
    facts = {
        "run": lineage.run_id,
        "dataset": lineage.dataset,
        "dataset digest": lineage.dataset_digest,
        "evaluation digest": lineage.evaluation_digest,
        "environment digest": lineage.environment_digest,
    }
    missing = [name for name, value in facts.items() if not value]
    if missing:
        return _result(Outcome.FAIL, f"The lineage lacks: {', '.join(missing)}.")
    if inputs.settings.require_clean_commit and not lineage.git_commit:
        return _result(
            Outcome.FAIL, "The code was not in a Git commit; [gate] requires a clean one."
        )
    if inputs.settings.require_clean_commit and lineage.git_dirty:
        reason = (
            f"The code had uncommitted changes on top of {lineage.git_commit[:12]}; commit them."
        )
        return _result(Outcome.FAIL, reason)
    commit = f"commit {lineage.git_commit[:12]}" if lineage.git_commit else "no commit"
    dirt = ", with uncommitted changes" if lineage.git_dirty else ""
    data = f"{lineage.dataset}@{lineage.dataset_version}"
    return _result(Outcome.PASS, f"Run {lineage.run_id} on {data}, {commit}{dirt}.")


def _result(outcome: Outcome, reason: str) -> CheckResult:
    return CheckResult(check="lineage", outcome=outcome, reason=reason)
