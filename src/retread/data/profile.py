"""Profile a version: statistics of each column, and how far they shifted between versions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.images import IMAGE_PROPERTIES
from retread.data.version import Column, ColumnKind

Profile = dict[str, dict[str, float]]

SHARE = "share:"
"""Prefix of the statistics that are the share of one category."""

_LARGEST = float(np.finfo(np.float32).max)
"""Models compute in float32, so a value beyond its range is infinite to them."""

_THREADS = min(4, os.cpu_count() or 1)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOP = 10


def profile_table(rows: pa.Table, columns: Sequence[Column]) -> Profile:
    """Return the statistics of each feature column of a table."""

    def statistics(column: Column) -> dict[str, float]:
        values = rows[column.name]
        if column.kind is ColumnKind.NUMERIC:
            return numeric_statistics(values.to_numpy())
        return categorical_statistics(values)

    with ThreadPoolExecutor(_THREADS) as threads:
        return dict(zip((c.name for c in columns), threads.map(statistics, columns), strict=True))


def profile_images(properties: Mapping[str, Sequence[float]]) -> Profile:
    """Return the statistics of a sample of images, given their IMAGE_PROPERTIES by digest."""
    columns = len(IMAGE_PROPERTIES)
    values = np.array(list(properties.values()), dtype=np.float64).reshape(-1, columns)
    return {name: numeric_statistics(values[:, i]) for i, name in enumerate(IMAGE_PROPERTIES)}


def numeric_statistics(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return the mean, spread and quantiles of a numeric column, and the share of missing values.

    All statistics are finite.

    Args:
        values: float64 [n], NaN where missing. Values that are infinite as float32 are counted in
            `infinite` and excluded from the other statistics.
    """
    missing = np.isnan(values)
    known = values
    # Also where a value is NaN.
    if len(values) and not -_LARGEST <= values.min() <= values.max() <= _LARGEST:
        known = values[np.abs(values) <= _LARGEST]
    statistics = {
        "count": float(len(values)),
        "missing": float(missing.mean()) if len(values) else 0.0,
        "infinite": float(len(values) - missing.sum() - len(known)),
    }
    if len(known) == 0:
        return statistics
    quantiles = np.quantile(known, _QUANTILES)
    return {
        **statistics,
        "mean": float(known.mean()),
        "sd": float(known.std()),
        "min": float(known.min()),
        **{f"q{round(q * 100):02d}": float(v) for q, v in zip(_QUANTILES, quantiles, strict=True)},
        "max": float(known.max()),
    }


def categorical_statistics(values: pa.ChunkedArray) -> dict[str, float]:
    """Return the shares of the most frequent categories among the values that are not missing."""
    counts = [(c["values"], c["counts"]) for c in pc.value_counts(values.drop_null()).to_pylist()]
    known = len(values) - values.null_count
    top = sorted(counts, key=lambda item: (-item[1], item[0]))[:_TOP]
    return {
        "count": float(len(values)),
        "missing": values.null_count / max(len(values), 1),
        "distinct": float(len(counts)),
        **{f"{SHARE}{value}": count / known for value, count in top},
    }


def profile_shifts(left: Profile, right: Profile) -> dict[str, float]:
    """Return the shift of each column that both profiles have."""
    return {name: shift(left[name], right[name]) for name in left if right.get(name)}


def shift(left: dict[str, float], right: dict[str, float]) -> float:
    """Return the shift of one column from its statistics in two versions.

    >>> shift({"mean": 1.0, "sd": 2.0}, {"mean": 4.0, "sd": 2.0})
    1.5

    Returns:
        For numbers, the difference of the means in standard deviations of `left`, 0 where that is
        constant; for categories, the total variation distance over the most frequent ones, 0..1.
    """
    if "mean" in left and "mean" in right:
        difference = abs(right["mean"] - left["mean"])
        return min(difference / left["sd"], _LARGEST) if left["sd"] else 0.0
    shares = {name for statistics in (left, right) for name in statistics if name.startswith(SHARE)}
    return 0.5 * sum(abs(right.get(name, 0.0) - left.get(name, 0.0)) for name in shares)
