"""Check that no example is in two splits (data leakage), and that no image has two labels.

Rows of a table with few distinct values repeat naturally, so a share of them may be in two splits,
and repeated rows may have different labels.
"""

from __future__ import annotations

from retread.core import CheckResult, Outcome
from retread.data.summary import DatasetSummary
from retread.data.version import Split

_MAX_LEAKED = {"images": 0.0, "table": 0.1}
_MAX_CONFLICTING = 0.01


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the shares of leaked rows and of conflicting labels with their limits."""
    held_out = summary.rows - summary.splits[Split.TRAIN]
    leaked = summary.leaked_rows / max(held_out, 1)
    conflicting = summary.conflicting_labels / max(summary.rows, 1)
    problems = []
    if leaked > _MAX_LEAKED["images" if summary.is_images else "table"]:
        problems.append(
            f"{summary.leaked_rows} of {held_out} validation and evaluation examples also "
            "occur in another split"
        )
    if summary.is_images and conflicting > _MAX_CONFLICTING:
        problems.append(
            f"{summary.conflicting_labels} of {summary.rows} images also occur under another label"
        )
    return CheckResult(
        check="duplicates",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{'; '.join(problems)}." if problems else "Duplicates are within limits.",
        numbers={"leaked": leaked, "conflicting": conflicting},
    )
