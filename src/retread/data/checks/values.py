"""Check that columns have values: few are missing, and none is infinite as float32."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.store import LABEL
from retread.data.summary import DatasetSummary

_MAX_MISSING = 0.9


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the missing and infinite values of each column with their limits."""
    problems = []
    for name, statistics in summary.profile.items():
        column = "the target" if name == LABEL else f"column {name!r}"
        if statistics.get("infinite"):
            problems.append(
                f"{column} has {statistics['infinite']:.0f} infinite values (as float32)"
            )
        if statistics.get("missing", 0.0) > _MAX_MISSING:
            problems.append(f"{column} is empty in {statistics['missing']:.1%} of the rows")
    missing = [statistics.get("missing", 0.0) for statistics in summary.profile.values()]
    return CheckResult(
        check="values",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Invalid values: {listed(problems, separator='; ')}."
        if problems
        else "No column has invalid values.",
        numbers={"most_missing": max(missing, default=0.0)},
    )
