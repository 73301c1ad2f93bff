"""Check that it is clear what every column is, and that all of its cells can be read."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.summary import DatasetSummary


def check(summary: DatasetSummary) -> CheckResult:
    """Repeat what was found when the columns were read."""
    problems = summary.column_problems
    return CheckResult(
        check="columns",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=listed(problems, separator=" ") if problems else "All cells can be read.",
        numbers={"problems": float(len(problems))},
    )
