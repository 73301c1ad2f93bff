"""No column is somewhere else altogether: a unit changed, a sensor broke.

Gentle change is what retraining is for; monitoring watches it on traffic.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.profile import shift
from retread.data.summary import DatasetSummary

_MOST_SHIFT = 8.0
_MOST_MISSING = 0.5


def check(summary: DatasetSummary) -> CheckResult:
    if summary.changes is None:
        return CheckResult(check="drift", outcome=Outcome.PASS, reason="First released version.")
    before = summary.changes.version.profile
    common = {name: f for name, f in summary.profile.items() if name in before}
    shifts = {name: shift(before[name], f) for name, f in common.items() if "mean" in f}
    problems = [
        f"the mean of {name!r} moved by {shift:.1f} standard deviations"
        for name, shift in shifts.items()
        if shift > _MOST_SHIFT
    ]
    for name, figures in common.items():
        gap = figures["missing"] - before[name]["missing"]
        if gap > _MOST_MISSING:
            problems.append(f"{gap:.0%} more of {name!r} is missing")
    return CheckResult(
        check="drift",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"Since {summary.changes.version.reference}, {'; '.join(problems)}."
        if problems
        else "No column is somewhere else.",
        numbers={"largest_shift": max(shifts.values(), default=0.0)},
    )
