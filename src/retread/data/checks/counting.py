"""Check that no column counts the rows: a row number says how a file was sorted, nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.store import LABEL
from retread.data.summary import DatasetSummary
from retread.data.version import ColumnKind
from retread.project.settings import CheckAction

ACTION = CheckAction.TELL

_MIN_ROWS = 20
_MAX_GAP = 2.0
_MAX_GAP_OF_MANY = 10.0
_ROWS_OF_A_GAP = 28.0
"""n numbers from a range of n x n / 28 are all different with a probability of one in a million."""
_EXACT = 2.0**53
_RUNS_BY_CHANCE = 0.5
_MAX_RATIO = 8.0
_PART = 1000


def check(summary: DatasetSummary) -> CheckResult:
    """Look for numbers that differ in every row and are evenly spaced."""
    table = summary.context.table
    if table is None or table.num_rows < _MIN_ROWS:
        return CheckResult(check="counting", outcome=Outcome.PASS, reason="Too few rows to tell.")
    found = []
    for column in summary.schema.columns:
        values = table[column.name]
        if column.kind is not ColumnKind.NUMERIC or values.null_count:
            continue
        numbers = values.to_numpy()
        if not _may_count(numbers):
            continue
        order = np.argsort(numbers, kind="stable")
        if _counts(numbers[order]):
            by_label = bool(summary.schema.labels) and _is_sorted(table[LABEL], order)
            found.append(f"{column.name!r}{', and the rows are sorted by label' * by_label}")
    return CheckResult(
        check="counting",
        outcome=Outcome.FAIL if found else Outcome.PASS,
        reason=f"These columns count the rows: {listed(found, separator='; ')}. A model would "
        "learn the order of the file; add them to [data] exclude unless they mean something."
        if found
        else "No column counts the rows.",
        numbers={"counting": float(len(found))},
    )


def _may_count(values: npt.NDArray[np.float64]) -> bool:
    """Return False for most columns that do not count, without sorting all of their values.

    The steps of fractions that do count differ by a factor of eight at most, so that the lowest
    part of their range has its share of the rows, but for that factor.
    """
    low, high, count = float(values.min()), float(values.max()), len(values)
    if not np.isfinite(high - low):
        return False
    lowest = np.sort(values[values <= low + (high - low) * min(1.0, _PART / count)])
    steps = np.diff(lowest)
    if len(steps) and steps.min() <= 0:
        return False
    if (lowest == np.floor(lowest)).all() and count - 1 <= high - low < _EXACT:
        # The unit of all steps divides that of some.
        unit = int(np.gcd.reduce(steps.astype(np.int64))) if len(steps) else high - low
        if (high - low) / unit <= _MAX_GAP_OF_MANY * count:
            return True
    enough = len(lowest) == count or len(lowest) >= _PART / _MAX_RATIO - 2
    return bool(enough and len(steps) and steps.max() <= _MAX_RATIO * steps.min())


def _counts(ordered: npt.NDArray[np.float64]) -> bool:
    if not np.isfinite(ordered).all():
        return False
    steps = np.diff(ordered)
    if steps.min() <= 0:
        return False
    whole = bool((ordered == np.floor(ordered)).all())
    if whole and ordered[-1] - ordered[0] < _EXACT:
        # Rows that were removed leave gaps; numbers that are no count would occur twice by chance.
        unit = int(np.gcd.reduce(steps.astype(np.int64)))
        gap = max(_MAX_GAP, min(_MAX_GAP_OF_MANY, len(ordered) / _ROWS_OF_A_GAP))
        return float(ordered[-1] - ordered[0]) / unit <= gap * len(ordered)
    return float(steps.max()) <= _MAX_GAP * float(np.median(steps)) <= 4.0 * float(steps.min())


def _is_sorted(labels: pa.ChunkedArray, order: npt.NDArray[np.int64]) -> bool:
    """Return whether equal labels are in sequence far more often than by chance."""
    codes = np.asarray(labels.combine_chunks().dictionary_encode().indices)[order]
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    changes = float((codes[1:] != codes[:-1]).mean())
    return changes < _RUNS_BY_CHANCE * (1.0 - float((shares**2).sum()))
