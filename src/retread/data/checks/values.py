"""Columns have values: few missing ones, none infinite, or as large as infinite to a model."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary

_MOST_MISSING = 0.9


def check(summary: DatasetSummary) -> CheckResult:
    problems = []
    for name, figures in summary.profile.items():
        if figures.get("infinite"):
            problems.append(
                f"column {name!r} has {figures['infinite']:.0f} infinite values (as float32)"
            )
        if figures.get("missing", 0.0) > _MOST_MISSING:
            problems.append(f"column {name!r} is empty in {figures['missing']:.1%} of the rows")
    missing = [figures.get("missing", 0.0) for figures in summary.profile.values()]
    return CheckResult(
        check="values",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Of the values, {'; '.join(problems)}." if problems else "Columns have values.",
        numbers={"most_missing": max(missing, default=0.0)},
    )
