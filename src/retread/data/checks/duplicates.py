"""Check that no example is in two splits (data leakage), and that no image has two labels.

Rows of a table with few distinct values repeat naturally, so a share of them may be in two splits,
and repeated rows may have different labels. Rows that are equal but for rounding noise count as
repeated, unless the rows of a table are split by time.
"""

from __future__ import annotations

import numpy as np
from msgspec import UNSET

from retread.core import CheckResult, Outcome
from retread.data.near_equal import near_equal_pairs
from retread.data.store import SPLIT
from retread.data.summary import DatasetSummary
from retread.data.version import Split

_MAX_LEAKED = {"images": 0.0, "table": 0.1}
_MAX_CONFLICTING = 0.01


def check(summary: DatasetSummary) -> CheckResult:
    """Compare the shares of leaked rows and of conflicting labels with their limits."""
    plan = summary.context.plan
    held_out = summary.rows - summary.splits[Split.TRAIN]
    near = _near_equal_rows(summary)
    leaked = (summary.leaked_rows + near) / max(held_out, 1)
    conflicting = summary.conflicting_labels / max(summary.rows, 1)
    problems = []
    if not plan.by_row and leaked > _MAX_LEAKED["images" if summary.is_images else "table"]:
        nearly = f" ({near} of them equal but for noise)" if near else ""
        problems.append(
            f"{summary.leaked_rows + near} of {held_out} validation and evaluation examples also "
            f"occur in another split{nearly}"
        )
    if summary.is_images and conflicting > _MAX_CONFLICTING:
        problems.append(
            f"{summary.conflicting_labels} of {summary.rows} images also occur under another label"
        )
    within = f"{summary.leaked_rows + near} of {held_out} held-out rows occur in another split"
    return CheckResult(
        check="duplicates",
        outcome=Outcome.FAIL if problems else Outcome.PASS,
        reason=f"{'; '.join(problems)}."
        if problems
        else f"Rows repeat by nature: {within}."
        if plan.by_row
        else f"Duplicates are within limits: {within}.",
        numbers={"leaked": leaked, "near_equal": float(near), "conflicting": conflicting},
        notice=(not problems and not plan.by_row and near > 0) or UNSET,
    )


def _near_equal_rows(summary: DatasetSummary) -> int:
    """Count the held-out rows that a row of another split equals but for noise."""
    context = summary.context
    if context.table is None or context.plan.by_row or context.plan.time is not None:
        return 0
    pairs = context.near_equal
    if pairs is None:
        names = [column.name for column in summary.schema.columns]
        pairs = near_equal_pairs(context.table.select(names))
    if not len(pairs):
        return 0
    splits = np.array(context.table[SPLIT].to_pylist())
    across = pairs[splits[pairs[:, 0]] != splits[pairs[:, 1]]]
    if not len(across):
        return 0
    rows = np.unique(across)
    return int((splits[rows] != Split.TRAIN.value).sum())
