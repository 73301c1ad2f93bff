"""Recognise columns that say nothing but where a row stood: saved indexes and row numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

_SAVED_INDEX = re.compile(r"Unnamed: 0(\.\d+)?|__index_level_\d+__")


def is_saved_index(name: str, values: pa.ChunkedArray, position: int) -> bool:
    """Return whether a column is the index that a data frame was saved with."""
    if _SAVED_INDEX.fullmatch(name):
        return True
    at_front = position == 0
    return at_front and (not name or (name in ("index", "level_0") and counts_rows(values)))


def counts_rows(values: pa.ChunkedArray) -> bool:
    """Return whether a column is whole numbers that grow by one in each row."""
    try:
        numbers = values.cast(pa.int64()).to_numpy() if not values.null_count else None
    except pa.ArrowException:
        return False
    return numbers is not None and len(numbers) > 2 and bool((np.diff(numbers) == 1).all())
