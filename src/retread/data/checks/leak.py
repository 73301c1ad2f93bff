"""Check that no column decides the label or target by itself, and no two by simple arithmetic.

Such a column is often known only after the label is, as a copy of it, or a part of the target.
Half of the rows answer for the other half: a row gets the label of the nearest row by the column's
value (1-nearest-neighbour on one variable); a target is interpolated, or a function of the column
by their correlation, or by that of their ranks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import CheckResult, Outcome
from retread.core.listed import listed
from retread.data.store import LABEL
from retread.data.summary import DatasetSummary
from retread.data.version import ColumnKind
from retread.project.settings import CheckAction

ACTION = CheckAction.TELL

_MIN_ROWS = 40
_MAX_ROWS = 10_000
_MAX_ROWS_FOR_PAIRS = 2_000
_MAX_COLUMNS_FOR_PAIRS = 40
_MAX_COLUMNS_FOR_PRODUCTS = 12
_LEFT_UNEXPLAINED = 0.001
_MAX_WRONG = 0.01
_MAX_WRONG_OF_CONSTANT = 0.05
_FEWEST_OF_OTHERS = 5
"""Held-out rows of other labels than the most frequent one, so that chance does not decide them."""
_MAX_LISTED = 5

Floats = npt.NDArray[np.float64]


def check(summary: DatasetSummary) -> CheckResult:
    """Predict the label from each column, and from sums, products and the like of two numbers."""
    table = summary.context.table
    if table is None or table.num_rows < _MIN_ROWS:
        return CheckResult(check="leak", outcome=Outcome.PASS, reason="No columns to look at.")
    random = np.random.default_rng(0)
    rows = random.permutation(table.num_rows)[:_MAX_ROWS]
    sample = table.take(pa.array(rows))
    regression = not summary.schema.labels
    target = _target(sample[LABEL], regression=regression)
    columns = {c.name: _values(sample[c.name], c.kind) for c in summary.schema.columns}
    shares = {name: _explained(v, target, regression=regression) for name, v in columns.items()}
    found = {name: share for name, share in shares.items() if _decides(share, target, regression)}
    numeric = [
        column.name
        for column in summary.schema.columns
        if column.kind is ColumnKind.NUMERIC and column.name not in found
    ]
    if len(numeric) <= _MAX_COLUMNS_FOR_PAIRS:
        few = slice(0, _MAX_ROWS_FOR_PAIRS)
        for name, values in _pairs(numeric, {n: columns[n][few] for n in numeric}):
            share = _explained(values, target[few], regression=regression)
            if _decides(share, target[few], regression):
                found[name] = share
    what = "target" if regression else "label"
    says = "explains {} of the variance" if regression else "right in {} of held-out rows"
    shown = (f"{name} ({says.format(_percent(share))})" for name, share in found.items())
    return CheckResult(
        check="leak",
        outcome=Outcome.FAIL if found else Outcome.PASS,
        reason=f"Alone decides the {what}: {listed(shown, _MAX_LISTED, '; ')}. If it is not known "
        f"before the {what} is, add it to [data] exclude."
        if found
        else f"No column decides the {what} by itself.",
        numbers={"most_explained": max([*shares.values(), *found.values()], default=0.0)},
    )


def _target(values: pa.ChunkedArray, *, regression: bool) -> Floats:
    if regression:
        numbers = np.asarray(values.to_numpy(), dtype=np.float64)
        # Shares of variance have no unit, and squares of the largest numbers would overflow.
        return numbers / (np.abs(numbers).max() or 1.0)
    return np.asarray(values.combine_chunks().dictionary_encode().indices, dtype=np.float64)


def _values(column: pa.ChunkedArray, kind: ColumnKind) -> Floats:
    """Return a column as numbers: missing ones are a value of their own, categories are codes."""
    if kind is ColumnKind.NUMERIC:
        values = column.to_numpy().astype(np.float64)
        known = values[np.isfinite(values)]
        beyond = float(known.max() + np.ptp(known) + 1.0) if len(known) else 0.0
        return np.where(np.isfinite(values), values, beyond)
    codes = pc.fill_null(column.combine_chunks().dictionary_encode().indices, -1)
    return np.asarray(codes, dtype=np.float64)


def _pairs(names: list[str], columns: dict[str, Floats]) -> Iterator[tuple[str, Floats]]:
    operators: dict[str, np.ufunc] = {"+": np.add, "-": np.subtract}
    if len(names) <= _MAX_COLUMNS_FOR_PRODUCTS:
        operators |= {"*": np.multiply, "/": np.divide}
    for left, right in combinations(names, 2):
        for sign, operator in operators.items():
            with np.errstate(all="ignore"):
                values = operator(columns[left], columns[right])
            yield f"{left} {sign} {right}", np.where(np.isfinite(values), values, 0.0)


def _explained(values: Floats, target: Floats, *, regression: bool) -> float:
    """Return the accuracy, or the share of variance, with which a column gives the target."""
    if regression:
        return max(
            _interpolated(values, target),
            _squared_correlation(values, target),
            _squared_correlation(_ranks(values), _ranks(target)),
        )
    half = len(values) // 2
    order = np.argsort(values[:half], kind="stable")
    known, answers = values[:half][order], target[:half][order]
    asked = values[half:]
    right = np.clip(np.searchsorted(known, asked), 0, half - 1)
    left = np.clip(right - 1, 0, half - 1)
    nearer_left = np.abs(asked - known[left]) < np.abs(known[right] - asked)
    return float((answers[np.where(nearer_left, left, right)] == target[half:]).mean())


def _interpolated(values: Floats, target: Floats) -> float:
    """Return R2 on one half of the rows, interpolated between the means of the other half."""
    half = len(values) // 2
    known, which, counts = np.unique(values[:half], return_inverse=True, return_counts=True)
    means = np.bincount(which, target[:half]) / counts
    truth = target[half:]
    spread = float(((truth - truth.mean()) ** 2).mean())
    if not spread:
        return 0.0
    return 1.0 - float(((np.interp(values[half:], known, means) - truth) ** 2).mean()) / spread


def _ranks(values: Floats) -> Floats:
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def _squared_correlation(values: Floats, target: Floats) -> float:
    if not np.ptp(values) or not np.ptp(target):
        return 0.0
    with np.errstate(all="ignore"):
        correlation = float(np.corrcoef(values, target)[0, 1])
    return correlation**2 if np.isfinite(correlation) else 0.0


def _decides(share: float, target: Floats, regression: bool) -> bool:
    if regression:
        return share >= 1.0 - _LEFT_UNEXPLAINED
    asked = target[len(target) // 2 :]
    others = len(asked) - int(np.unique(asked, return_counts=True)[1].max())
    if others < _FEWEST_OF_OTHERS:  # a constant answer is right as well
        return False
    constant_wrong = others / len(asked)
    return 1.0 - share <= min(_MAX_WRONG, _MAX_WRONG_OF_CONSTANT * constant_wrong)


def _percent(share: float) -> str:
    return f"{share:.2%}" if share < 1.0 else "100%"
