"""Recognise columns that say nothing but where a row stood: saved indexes and row numbers."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

_SAVED_INDEX = re.compile(r"Unnamed: 0(\.\d+)?|__index_level_\d+__")
_FIRST_ROWS = 20


def is_saved_index(name: str, values: pa.ChunkedArray, position: int) -> bool:
    """Return whether a column is the index that a data frame was saved with."""
    if _SAVED_INDEX.fullmatch(name):
        return True
    at_front = position == 0
    return at_front and (not name or (name in ("index", "level_0") and counts_rows(values)))


def counts_rows(values: pa.ChunkedArray) -> bool:
    """Return whether a column is whole numbers that grow by one in each row."""
    if values.null_count or len(values) < 3:
        return False
    # Most columns differ within their first rows.
    for part in (values.slice(0, _FIRST_ROWS), values):
        try:
            numbers = part.cast(pa.int64()).to_numpy()
        except pa.ArrowException:
            return False
        if not (np.diff(numbers) == 1).all():
            return False
    return True
