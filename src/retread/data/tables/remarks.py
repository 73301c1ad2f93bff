"""What is said about a column of numbers: counting, lost digits, values that stand for none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retread.data.tables.cells import is_number
from retread.data.tables.texts import toml_key

_SEVERAL = 2
_EXACT = 2.0**53


def counts_rows(values: pa.ChunkedArray) -> bool:
    """Return whether a column is whole numbers that grow by one in each row."""
    try:
        numbers = values.cast(pa.int64()).to_numpy() if not values.null_count else None
    except pa.ArrowException:
        return False
    return numbers is not None and len(numbers) > 2 and bool((np.diff(numbers) == 1).all())


def number_remarks(name: str, cells: pa.ChunkedArray, numbers: pa.ChunkedArray) -> list[str]:
    """Say what a model will not see of a column of numbers, or what looks like a mistake."""
    remarks = []
    if counts_rows(numbers if is_number(cells.type) else cells):
        remarks.append("counts the rows")
    values = numbers.drop_null().to_numpy().astype(np.float64)
    values = values[np.isfinite(values)]
    if len(values) and (lost := _lost_in_float32(values)):
        remarks.append(f"{lost} of its values are equal in single precision")
    remarks += [
        f"{shown_number(value)} in {count} rows is far from the others: if it means that they are "
        f'missing, set [data.columns] {toml_key(name)} = {{missing = ["{shown_number(value)}"]}}'
        for value, count in _far_nines(values)
    ]
    return remarks


def _far_nines(values: npt.NDArray[np.float64]) -> list[tuple[float, int]]:
    """Return values such as -999 and 9999 that several rows have, far from all others."""
    found = []
    for end in {values.min(), values.max()} if len(values) else ():
        others = values[values != end]
        is_nines = 10 < abs(end) < _EXACT and set(shown_number(abs(end))) == {"9"}
        if not is_nines or not len(others) or len(values) - len(others) < _SEVERAL:
            continue
        gap = min(abs(end - others.min()), abs(end - others.max()))
        if gap > others.max() - others.min():
            found.append((float(end), len(values) - len(others)))
    return found


def _lost_in_float32(values: npt.NDArray[np.float64]) -> int:
    """Return how many distinct values 32-bit floating point cannot tell from another."""
    largest, spread = np.abs(values).max(), values.max() - values.min()
    if largest < 2**24 and (spread == 0 or largest / spread < 1e4):
        return 0
    if largest > np.finfo(np.float32).max:
        return 0
    distinct = np.unique(values)
    return len(distinct) - len(np.unique(distinct.astype(np.float32)))


def shown_number(value: float) -> str:
    """Return a number without digits that nobody wrote."""
    return f"{value:.15g}"
