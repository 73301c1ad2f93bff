"""The evaluation split of the version before was not rewritten."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split

_MOST_REMOVED = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    changes = summary.changes
    if changes is None:
        return CheckResult(
            check="evaluation", outcome=Outcome.PASS, reason="First released version."
        )
    frozen = changes.version.splits.get(Split.EVALUATION, 0)
    removed = changes.evaluation_removed / max(frozen, 1)
    problems = []
    if changes.evaluation_relabelled:
        problems.append(f"{changes.evaluation_relabelled} of its {frozen} rows were relabelled")
    if removed > _MOST_REMOVED:
        problems.append(f"{changes.evaluation_removed} of its {frozen} rows are gone")
    if changes.moved:
        problems.append(f"{changes.moved} rows are in another split now")
    where = f"the evaluation split of {changes.version.reference}"
    return CheckResult(
        check="evaluation",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Against {where}: {'; '.join(problems)}." if problems else f"It keeps {where}.",
        numbers={
            "relabelled": float(changes.evaluation_relabelled),
            "removed": removed,
            "moved": float(changes.moved),
        },
    )
