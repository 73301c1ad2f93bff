"""Figures about a version, by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.images import MEASURES
from retread.data.version import Column, ColumnKind

Profile = dict[str, dict[str, float]]

SHARE = "share:"
"""Prefix of the figures that are shares of one category."""

_LARGEST = float(np.finfo(np.float32).max)
"""Models compute in float32: what is beyond its range is infinite to them."""

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOP = 10


def profile_table(rows: pa.Table, columns: Sequence[Column]) -> Profile:
    """Mean, spread, quantiles and missing share of numbers; shares of the commonest categories."""
    return {
        column.name: numeric_figures(rows[column.name].to_numpy())
        if column.kind is ColumnKind.NUMERIC
        else categorical_figures(rows[column.name])
        for column in columns
    }


def profile_images(measures: Mapping[str, Sequence[float]]) -> Profile:
    """Size, light, colour and focus of a sample of images, given their MEASURES by digest."""
    values = np.array(list(measures.values()), dtype=np.float64).reshape(-1, len(MEASURES))
    return {name: numeric_figures(values[:, i]) for i, name in enumerate(MEASURES)}


def numeric_figures(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """Figures of float64 [n], NaN where missing, all finite themselves.

    `infinite` counts values that are infinite as a float32; they are left out of the rest.
    """
    missing = np.isnan(values)
    known = values[np.abs(values) <= _LARGEST]
    figures = {
        "count": float(len(values)),
        "missing": float(missing.mean()) if len(values) else 0.0,
        "infinite": float(len(values) - missing.sum() - len(known)),
    }
    if len(known) == 0:
        return figures
    quantiles = np.quantile(known, _QUANTILES)
    return {
        **figures,
        "mean": float(known.mean()),
        "sd": float(known.std()),
        "min": float(known.min()),
        **{f"q{round(q * 100):02d}": float(v) for q, v in zip(_QUANTILES, quantiles, strict=True)},
        "max": float(known.max()),
    }


def categorical_figures(values: pa.ChunkedArray) -> dict[str, float]:
    """Figures of strings; shares are of the rows that are not missing."""
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
    """How far each column that both have moved; 0 where there is no scale to measure it on."""
    return {name: shift(left[name], right[name]) for name in left if right.get(name)}


def shift(left: dict[str, float], right: dict[str, float]) -> float:
    """The shift of one column, from its figures.

    >>> shift({"mean": 1.0, "sd": 2.0}, {"mean": 4.0, "sd": 2.0})
    1.5
    """
    if "mean" in left and "mean" in right:
        moved = abs(right["mean"] - left["mean"])
        return min(moved / left["sd"], _LARGEST) if left["sd"] else 0.0
    shares = {name for figures in (left, right) for name in figures if name.startswith(SHARE)}
    return 0.5 * sum(abs(right.get(name, 0.0) - left.get(name, 0.0)) for name in shares)
