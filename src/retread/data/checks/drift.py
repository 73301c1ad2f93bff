"""Check that no column shifted so far that its unit must have changed or its sensor failed.

Gradual drift is not an error: it is a reason to retrain, and monitoring detects it on traffic.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.profile import shift
from retread.data.summary import DatasetSummary

_MAX_SHIFT = 8.0
_MAX_MORE_MISSING = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the means and the shares of missing values with the previous released version."""
    if summary.changes is None:
        return CheckResult(check="drift", outcome=Outcome.PASS, reason="First released version.")
    before = summary.changes.version.profile
    common = {name: s for name, s in summary.profile.items() if name in before}
    shifts = {name: shift(before[name], s) for name, s in common.items() if "mean" in s}
    problems = [
        f"the mean of {name!r} shifted by {shift:.1f} standard deviations"
        for name, shift in shifts.items()
        if shift > _MAX_SHIFT
    ]
    for name, statistics in common.items():
        increase = statistics["missing"] - before[name]["missing"]
        if increase > _MAX_MORE_MISSING:
            problems.append(
                f"the share of missing values in {name!r} rose by {increase * 100:.0f} percentage "
                "points"
            )
    return CheckResult(
        check="drift",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Since {summary.changes.version.reference}: {listed(problems, separator='; ')}."
        if problems
        else f"No column shifted far since {summary.changes.version.reference}.",
        numbers={"largest_shift": max(shifts.values(), default=0.0)},
    )
