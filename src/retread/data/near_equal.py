"""Find rows of a table that are equal but for rounding noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.row_digests import RowDigests

_TOLERANCE = 1e-6
_MOST_CHANCE_PAIRS = 0.001
_NEIGHBOURS = 8
_SAMPLE = 2**16
_FEW = 1000

Pairs = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int64]


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
    digests = RowDigests(table.num_rows, table.column_names)
    numbers = []
    for name in table.column_names:
        column = table[name]
        scaled = _scaled(column.to_numpy()) if pa.types.is_floating(column.type) else None
        if scaled is None:
            digests.add(column)
            continue
        numbers.append(scaled)
        if not np.isfinite(scaled).all():
            # Missing values and infinities are equal to their like only.
            finite = np.isfinite(scaled)
            kinds = np.where(np.isnan(scaled), 1, np.where(scaled > 0, 2, 3))
            digests.add(pa.array(np.where(finite, 0, kinds)))
            numbers[-1] = np.where(finite, scaled, 0.0)
    if not numbers:
        return nothing
    tolerance = _TOLERANCE
    if len(numbers) == 1:
        tolerance = min(tolerance, _MOST_CHANCE_PAIRS / table.num_rows)
    shared = _shared(digests.words[0])
    if not len(shared):
        return nothing
    left = [values[shared] for values in numbers] if len(shared) < table.num_rows else numbers
    pairs = _neighbours(left, [word[shared] for word in digests.words], tolerance)
    return shared[pairs]


def unite(groups: pa.Array, pairs: Pairs, fixed: pa.Array, new: npt.NDArray[np.bool_]) -> pa.Array:
    """Give near-equal rows one group.

    Args:
        groups: The group of each row.
        pairs: Pairs of near-equal rows.
        fixed: Groups of earlier versions, which rows join rather than the other way round.
        new: Bool [n], the rows whose group may change.

    Returns:
        The group of each row.
    """
    left, right = (groups.take(pa.array(pairs[:, side])) for side in (0, 1))
    differ = pc.not_equal(left, right)
    left, right = left.filter(differ), right.filter(differ)
    names = pa.concat_arrays([left, right]).unique()
    first = set(names.filter(pc.is_in(names, value_set=fixed)).to_pylist())
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (above := leaders.get(name, name)) != name:
            name = above
        return name

    for one, other in zip(left.to_pylist(), right.to_pylist(), strict=True):
        ours, theirs = leader(one), leader(other)
        if ours == theirs or (ours in first and theirs in first):
            continue
        top, below = sorted((ours, theirs), key=lambda name: (name not in first, name))
        leaders[below] = top
    joined = pa.array([leader(name) for name in leaders], pa.string())
    where = pc.index_in(groups, value_set=pa.array(list(leaders), pa.string()))
    return pc.coalesce(joined.take(pc.if_else(pa.array(new), where, None)), groups)


def _scaled(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """Return a column of fractions in units of its spread; None for whole numbers.

    The spread is that of a sample, as it need not be exact.
    """
    if not _has_fractions(values):
        return None
    sample = values[:: max(1, len(values) // _SAMPLE)]
    sample = sample[np.isfinite(sample)]
    known = values[np.isfinite(values)] if len(sample) < _FEW else sample
    low, high = np.quantile(known, (0.05, 0.95))
    spread = float(high - low) or float(np.ptp(values[np.isfinite(values)]))
    return (values - low) / spread if spread else None


def _has_fractions(values: npt.NDArray[np.float64]) -> bool:
    for start in range(0, len(values), _SAMPLE):
        block = values[start : start + _SAMPLE]
        if (np.isfinite(block) & (block != np.floor(block))).any():
            return True
    return False


def _shared(codes: npt.NDArray[np.uint64]) -> Positions:
    """Return the positions of codes that occur more than once."""
    if (codes == codes[0]).all():
        return np.arange(len(codes))
    order = np.argsort(codes)
    ordered = codes[order]
    same = np.concatenate([[False], ordered[1:] == ordered[:-1], [False]])
    shared = np.zeros(len(codes), bool)
    shared[order] = same[1:] | same[:-1]
    return np.flatnonzero(shared)


def _neighbours(
    numbers: list[npt.NDArray[np.float64]],
    codes: list[npt.NDArray[np.uint64]],
    tolerance: float,
) -> Pairs:
    weights = 1.0 + np.arange(len(numbers)) * (5**0.5 - 1) / 2 % 1.0
    projection = sum(weight * values for weight, values in zip(weights, numbers, strict=True))
    one_code = bool((codes[0] == codes[0][0]).all())
    order = np.argsort(projection) if one_code else np.lexsort((projection, codes[0]))
    projection, codes = projection[order], [code[order] for code in codes]
    reach = tolerance * float(weights.sum())
    found = []
    for step in range(1, _NEIGHBOURS + 1):
        near = projection[step:] - projection[:-step] <= reach
        for code in codes:
            near &= code[step:] == code[:-step]
        places = np.flatnonzero(near)
        if len(places) == 0:
            break
        left, right = order[places], order[places + step]
        for values in numbers:
            close = np.abs(values[left] - values[right]) <= tolerance
            left, right = left[close], right[close]
        found.append(np.stack([left, right], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
