"""Check that every image of the source could be read."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MAX_LISTED = 5


def check(summary: DatasetSummary) -> CheckResult:
    """Count the files that could not be read."""
    broken = summary.unreadable
    listed = "; ".join(broken[:_MAX_LISTED]) + ("; ..." if len(broken) > _MAX_LISTED else "")
    return CheckResult(
        check="readable",
        outcome=Outcome.FAIL if broken else Outcome.PASS,
        reason=f"{len(broken)} unreadable files were skipped: {listed}."
        if broken
        else "All files are readable.",
        numbers={"unreadable": float(len(broken)), "readable": float(summary.rows)},
    )
