"""What there is to say about a column of numbers: counting, lost digits, sentinels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.tables.cells import is_number
from retread.data.tables.index_columns import counts_rows
from retread.project.toml_text import as_key

_SEVERAL = 2
_FEW_NUMBERS = 20
_EXACT = 2.0**53


def number_remarks(name: str, cells: pa.ChunkedArray, numbers: pa.ChunkedArray) -> list[str]:
    """Say what a model will not see of a column of numbers, or what looks like a mistake."""
    remarks = []
    if counts_rows(numbers if is_number(cells.type) else cells):
        remarks.append("counts the rows")
    values = numbers.drop_null().to_numpy().astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    if len(values) and (lost := _lost_in_float32(values)):
        remarks.append(f"{lost} of its values are equal in single precision")
    remarks += [
        f"{shown_number(value)} in {count} rows is far from the others: if it means that they are "
        f'missing, set [data.columns] {as_key(name)} = {{missing = ["{shown_number(value)}"]}}'
        for value, count in _far_nines(values)
    ]
    return remarks


def _far_nines(values: npt.NDArray[np.float64]) -> list[tuple[float, int]]:
    """Return values such as -999 and 9999 that several rows have, far from all others."""
    found = []
    for end in {values.min(), values.max()} if len(values) else ():
        if not 10 < abs(end) < _EXACT or set(shown_number(abs(end))) != {"9"}:
            continue
        others = values[values != end]
        if not len(others) or len(values) - len(others) < _SEVERAL:
            continue
        gap = min(abs(end - others.min()), abs(end - others.max()))
        if gap > others.max() - others.min():
            found.append((float(end), len(values) - len(others)))
    return found


def _lost_in_float32(values: npt.NDArray[np.float64]) -> int:
    """Return how many distinct values 32-bit floating point cannot tell from another."""
    largest, spread = max(values.max(), -values.min()), values.max() - values.min()
    if largest < 2**24 and (spread == 0 or largest / spread < 1e4):
        return 0
    if largest > np.finfo(np.float32).max:
        return 0
    distinct = np.unique(values)
    return len(distinct) - len(np.unique(distinct.astype(np.float32)))


def shown_number(value: float) -> str:
    """Return a number without digits that nobody wrote."""
    return f"{value:.15g}"


def is_constant(values: pa.ChunkedArray) -> bool:
    """Return whether all values are equal."""
    ends = pc.min_max(values)
    return bool(ends["min"] == ends["max"])


def is_beyond_exact(values: pa.ChunkedArray) -> bool:
    """Return whether 64-bit floating point cannot tell some of the values apart."""
    floats = values.cast(pa.float64(), safe=False)
    if pc.max(pc.abs(floats)).as_py() < _EXACT:
        return False
    return bool(pc.count_distinct(values).as_py() > pc.count_distinct(floats).as_py())


def are_distinct_integers(values: pa.ChunkedArray) -> bool:
    """Return whether many values are whole numbers, each of its own."""
    whole = pc.all(pc.equal(values, pc.floor(values))).as_py()
    return bool(len(values) > _FEW_NUMBERS and whole and len(pc.unique(values)) == len(values))
