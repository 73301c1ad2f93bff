"""Check that every group is in one split, so that no model is evaluated on a group it learned."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    """Count the groups that are in more than one split."""
    return CheckResult(
        check="groups",
        outcome=Outcome.FAIL if summary.split_groups else Outcome.PASS,
        reason=f"{summary.split_groups} groups are in more than one split."
        if summary.split_groups
        else "Every group is in one split.",
        numbers={"split_groups": float(summary.split_groups)},
    )
