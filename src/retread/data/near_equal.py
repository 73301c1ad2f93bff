"""Find rows of a table that are equal but for rounding noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TOLERANCE = 1e-6
_MOST_CHANCE_PAIRS = 0.001
_NEIGHBOURS = 8

Pairs = npt.NDArray[np.int64]


def near_equal_pairs(table: pa.Table) -> Pairs:
    """Return pairs of rows whose numbers differ by noise only, and whose other values are equal.

    Two numbers are near-equal if they differ by less than a millionth of their column's spread;
    where a single column has fractions, by so little that rows of a sample without copies would
    hardly ever be so near. Whole numbers have to be equal.

    Rows are sorted by a projection of their numbers: near-equal rows are neighbours there, and
    each row is compared with those that follow.

    Args:
        table: The feature columns.

    Returns:
        Int64 [pairs, 2], positions of rows; empty if no column has fractions, because only equal
        rows are near-equal then.
    """
    nothing = np.empty((0, 2), dtype=np.int64)
    if table.num_rows < 2:
        return nothing
    numbers, codes = [], []
    for name in table.column_names:
        column = table[name]
        if not pa.types.is_floating(column.type):
            codes.append(_codes(column))
            continue
        values = column.to_numpy()
        scaled = _scaled(values)
        if scaled is None:
            codes.append(np.unique(values, return_inverse=True)[1])
        else:
            finite = np.isfinite(values)
            # Missing values and infinities are equal to their like only.
            kinds = np.where(np.isnan(values), 1, np.where(values > 0, 2, 3))
            codes.append(np.where(finite, 0, kinds).astype(np.int64))
            numbers.append(np.where(finite, scaled, 0.0))
    if not numbers:
        return nothing
    tolerance = _TOLERANCE
    if len(numbers) == 1:
        tolerance = min(tolerance, _MOST_CHANCE_PAIRS / table.num_rows)
    return _neighbours(np.stack(numbers, axis=1), _joined(codes), tolerance)


def unite(
    groups: Sequence[str], pairs: Pairs, fixed: Iterable[str], new: npt.NDArray[np.bool_]
) -> list[str]:
    """Give near-equal rows one group.

    Args:
        groups: The group of each row.
        pairs: Pairs of near-equal rows.
        fixed: Groups of earlier versions, which rows join rather than the other way round.
        new: Bool [n], the rows whose group may change.

    Returns:
        The group of each row.
    """
    names = np.array(groups, dtype=object)
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (above := leaders.get(name, name)) != name:
            name = above
        return name

    first = set(fixed)
    for left, right in pairs[names[pairs[:, 0]] != names[pairs[:, 1]]].tolist():
        ours, theirs = leader(names[left]), leader(names[right])
        if ours == theirs or (ours in first and theirs in first):
            continue
        top, below = sorted((ours, theirs), key=lambda name: (name not in first, name))
        leaders[below] = top
    if not leaders:
        return list(groups)
    return [leader(name) if free else name for name, free in zip(groups, new, strict=True)]


def _scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """Return a column of fractions in units of its spread; None for whole numbers."""
    known = values[np.isfinite(values)]
    if len(known) == 0 or (known == np.floor(known)).all():
        return None
    low, high = np.quantile(known, (0.05, 0.95))
    spread = float(high - low) or float(known.max() - known.min())
    return (np.where(np.isfinite(values), values, low) - low) / spread if spread else None


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    encoded = column.combine_chunks().dictionary_encode().indices
    return np.asarray(pc.fill_null(encoded, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _joined(codes: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return one code per combination of codes."""
    joined = codes[0]
    for other in codes[1:]:
        pairs = joined * (int(other.max()) + 2) + other + 1
        joined = np.unique(pairs, return_inverse=True)[1]
    return joined


def _neighbours(
    numbers: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], tolerance: float
) -> Pairs:
    weights = 1.0 + np.arange(numbers.shape[1]) * (5**0.5 - 1) / 2 % 1.0
    projection = numbers @ weights
    order = np.lexsort((projection, codes))
    projection, codes = projection[order], codes[order]
    reach = tolerance * float(weights.sum())
    found = []
    for step in range(1, _NEIGHBOURS + 1):
        near = (codes[step:] == codes[:-step]) & (projection[step:] - projection[:-step] <= reach)
        left = np.flatnonzero(near)
        if len(left) == 0:
            break
        pairs = np.stack([order[left], order[left + step]], axis=1)
        gap = np.abs(numbers[pairs[:, 0]] - numbers[pairs[:, 1]]).max(axis=1)
        found.append(pairs[gap <= tolerance])
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
