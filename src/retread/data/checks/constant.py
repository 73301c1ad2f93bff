"""Check that every column varies: one with a single value tells a model nothing."""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.store import LABEL
from retread.data.summary import DatasetSummary
from retread.project.settings import CheckAction

ACTION = CheckAction.TELL


def check(summary: DatasetSummary) -> CheckResult:
    """Look for columns of a table that have the same value in every row."""
    constant = [] if summary.is_images else [n for n, s in summary.profile.items() if _is_same(s)]
    names = listed(map(repr, constant))
    return CheckResult(
        check="constant",
        outcome=Outcome.FAIL if constant else Outcome.PASS,
        reason=f"The same value in every row: {names.replace(repr(LABEL), 'the target')}. "
        "Add such columns to [data] exclude."
        if constant
        else "Every column varies.",
        numbers={"constant": float(len(constant))},
    )


def _is_same(statistics: dict[str, float]) -> bool:
    if statistics.get("missing") or statistics.get("infinite"):
        return False
    if "distinct" in statistics:
        return statistics["distinct"] == 1
    return "min" in statistics and statistics["min"] == statistics["max"]
