"""Every group is in one split: what belongs together is not learned from and judged by."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    return CheckResult(
        check="groups",
        outcome=Outcome.FAIL if summary.divided else Outcome.PASS,
        reason=f"{summary.divided} groups are in more than one split."
        if summary.divided
        else "Every group is in one split.",
        numbers={"divided": float(summary.divided)},
    )
