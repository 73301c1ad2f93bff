"""Every image of the source could be read."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_NAMED = 5


def check(summary: DatasetSummary) -> CheckResult:
    broken = summary.unreadable
    named = "; ".join(broken[:_NAMED]) + ("; ..." if len(broken) > _NAMED else "")
    return CheckResult(
        check="readable",
        outcome=Outcome.FAIL if broken else Outcome.PASS,
        reason=f"{len(broken)} unreadable, left out: {named}." if broken else "All can be read.",
        numbers={"unreadable": float(len(broken)), "readable": float(summary.rows)},
    )
