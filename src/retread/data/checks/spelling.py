"""Check that no two labels are spellings of one: bad and Bad, a b and a_b, 1 and 1.0."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.tables import near_equal

_MAX_LISTED = 3


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the labels of all rows with each other."""
    counts = summary.label_counts
    groups = near_equal(list(counts))
    listed = "; ".join(
        ", ".join(f"{label!r} {counts[label]}" for label in group) for group in groups[:_MAX_LISTED]
    )
    return CheckResult(
        check="spelling",
        outcome=Outcome.FAIL if groups else Outcome.PASS,
        reason=f"Labels differ in case, width, separators or a full stop only: {listed}. If they "
        "are the same, write them alike."
        if groups
        else "No two labels are spelled alike.",
        numbers={"alike": float(len(groups))},
    )
