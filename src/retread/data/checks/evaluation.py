"""Check that the evaluation split of the previous released version was kept."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split

_MAX_REMOVED = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the rows of the previous evaluation split with the new version."""
    changes = summary.changes
    if changes is None:
        return CheckResult(
            check="evaluation", outcome=Outcome.PASS, reason="First released version."
        )
    previous = changes.version.splits.get(Split.EVALUATION, 0)
    removed = changes.evaluation_removed / max(previous, 1)
    problems = []
    if changes.evaluation_relabelled:
        problems.append(f"{changes.evaluation_relabelled} of its {previous} rows were relabelled")
    if removed > _MAX_REMOVED:
        problems.append(f"{changes.evaluation_removed} of its {previous} rows were removed")
    if changes.moved:
        problems.append(f"{changes.moved} rows moved to another split")
    split = f"evaluation split of {changes.version.reference}"
    return CheckResult(
        check="evaluation",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"The {split} changed: {'; '.join(problems)}."
        if problems
        else f"The {split} was kept.",
        numbers={
            "relabelled": float(changes.evaluation_relabelled),
            "removed": removed,
            "moved": float(changes.moved),
        },
    )
