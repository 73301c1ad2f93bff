"""No example is in two splits, and no image has two labels.

Rows of a table with few distinct values repeat by nature, so there a share is allowed, and
repeated rows may differ in their labels.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split

_MOST_CROSSING = {"images": 0.0, "table": 0.1}
_MOST_CONTRADICTING = 0.01


def check(summary: DatasetSummary) -> CheckResult:
    held_out = summary.rows - summary.splits[Split.TRAIN]
    crossing = summary.crossing / max(held_out, 1)
    contradicting = summary.contradicting / max(summary.rows, 1)
    problems = []
    if crossing > _MOST_CROSSING["images" if summary.is_images else "table"]:
        problems.append(
            f"{summary.crossing} of {held_out} validation and evaluation examples are also in "
            "another split"
        )
    if summary.is_images and contradicting > _MOST_CONTRADICTING:
        problems.append(
            f"{summary.contradicting} of {summary.rows} images also occur under another label"
        )
    return CheckResult(
        check="duplicates",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{'; '.join(problems)}." if problems else "Splits and labels share no examples.",
        numbers={"crossing": crossing, "contradicting": contradicting},
    )
