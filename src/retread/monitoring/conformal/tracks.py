"""From streams to tracks: numbers whose ranks are bet on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.monitoring.streams import EMBEDDING, Streams

Rows = npt.NDArray[np.int64]

_EMBEDDING_SHARE = 1 / 3
_CATEGORY_SHARE = 1 / 10
_AXES = 3
_MOST_CATEGORIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """How streams become tracks; a stream may have several, and its evidence is their best.

    A number is a track as it is. A categorical stream has an indicator for each of its frequent
    categories and one for all others. An embedding has its distance from the centre and its
    place on the main axes. What is looked up here was fitted on rows that are never ranked,
    so the ranks stay exact.
    """

    numeric: tuple[str, ...]
    categories: Mapping[str, npt.NDArray[np.str_]]
    centre: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]

    @property
    def owners(self) -> tuple[str, ...]:
        """The stream each track belongs to."""
        indicators = (name for name, known in self.categories.items() for _ in range(_width(known)))
        own = (EMBEDDING,) * (1 + len(self.axes)) if self.centre.size else ()
        return (*self.numeric, *indicators, *own)

    def scores(self, streams: Streams) -> npt.NDArray[np.float64]:
        """[rows, tracks]."""
        columns = [streams.numeric[name][:, None] for name in self.numeric]
        columns += [
            _indicators(streams.categorical[name], known) for name, known in self.categories.items()
        ]
        if self.centre.size:
            columns.append(self.embedding_scores(streams.embedding))
        if not columns:
            return np.zeros((streams.rows, 0))
        return np.concatenate(columns, axis=1, dtype=np.float64)

    def embedding_scores(self, embedding: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Distance from the centre and coordinates on the main axes, [rows, 1 + axes]."""
        away = (embedding - self.centre).astype(np.float64)
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        return np.concatenate([distance, away @ self.axes.T.astype(np.float64)], axis=1)


def fit_tracks(streams: Streams) -> Tracks:
    """Tracks fitted on rows that will not be ranked."""
    width = streams.embedding.shape[1]
    centre, axes = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
    if width and streams.rows:
        centre = streams.embedding.mean(axis=0)
        _, _, vectors = np.linalg.svd(streams.embedding - centre, full_matrices=False)
        axes = vectors[:_AXES].astype(np.float32)
    return Tracks(
        numeric=tuple(sorted(streams.numeric)),
        categories={n: _frequent(streams.categorical[n]) for n in sorted(streams.categorical)},
        centre=centre,
        axes=axes,
    )


def split_rows(streams: Streams, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Row numbers to fit on, and row numbers to rank among."""
    share = 0.0
    if streams.embedding.shape[1]:
        share = _EMBEDDING_SHARE
    elif streams.categorical:
        share = _CATEGORY_SHARE
    order = rng.permutation(streams.rows)
    cut = int(streams.rows * share)
    return order[:cut], order[cut:]


def _frequent(values: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    known, counts = np.unique(values, return_counts=True)
    return known[np.argsort(-counts, kind="stable")][:_MOST_CATEGORIES]


def _width(known: npt.NDArray[np.str_]) -> int:
    """The last category is implied by the others; rare ones share an indicator."""
    return max(1, len(known))


def _indicators(
    values: npt.NDArray[np.str_], known: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """One column a frequent category but the last, then one for what is not frequent."""
    columns = [values == category for category in known[:-1]]
    columns.append(~np.isin(values, known))
    return np.stack(columns, axis=1).astype(np.float64)
