"""Map streams to tracks: the numbers whose ranks are bet on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.bundle import Texts
from retread.monitoring.streams import EMBEDDING, Streams

Rows = npt.NDArray[np.int64]

_EMBEDDING_SHARE = 1 / 3
_CATEGORY_SHARE = 1 / 10
_AXES = 3
_MOST_CATEGORIES = 8


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """How streams are mapped to tracks.

    A stream may have several tracks; its evidence is that of the strongest. A number is a track
    itself. A categorical stream has an indicator for each of its frequent categories and one for
    all others. An embedding has its distance from the centre and its coordinates on the main
    axes. All of this is fitted on rows that are never ranked, so the ranks stay exact.

    Attributes:
        numeric: The names of the numeric streams.
        categories: The frequent categories by name of the categorical stream.
        centre: float32 [E], or [0] without embeddings.
        axes: float32 [axes, E].
    """

    numeric: tuple[str, ...]
    categories: Mapping[str, Texts]
    centre: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]

    @property
    def owners(self) -> tuple[str, ...]:
        """The name of the stream that each track belongs to."""
        indicators = (name for name, known in self.categories.items() for _ in range(_width(known)))
        own = (EMBEDDING,) * (1 + len(self.axes)) if self.centre.size else ()
        return (*self.numeric, *indicators, *own)

    def scores(self, streams: Streams) -> npt.NDArray[np.float64]:
        """Return the values of all tracks, float64 [rows, tracks]."""
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
        """Return distance from the centre and coordinates on the axes, float64 [rows, 1 + axes]."""
        away = (embedding - self.centre).astype(np.float64)
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        return np.concatenate([distance, away @ self.axes.T.astype(np.float64)], axis=1)


def fit_tracks(streams: Streams) -> Tracks:
    """Fit tracks on rows that will not be ranked."""
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
    """Draw the indices of the rows to fit on, and of the rows to rank among."""
    share = 0.0
    if streams.embedding.shape[1]:
        share = _EMBEDDING_SHARE
    elif streams.categorical:
        share = _CATEGORY_SHARE
    order = rng.permutation(streams.rows)
    cut = int(streams.rows * share)
    return order[:cut], order[cut:]


def _frequent(values: Texts) -> Texts:
    known, counts = np.unique(values, return_counts=True)
    return known[np.argsort(-counts, kind="stable")][:_MOST_CATEGORIES]


def _width(known: Texts) -> int:
    """Return the number of indicators: all categories but the last, and one for the others."""
    return max(1, len(known))


def _indicators(values: Texts, known: Texts) -> npt.NDArray[np.float64]:
    """Return one column per frequent category but the last, and one for the others."""
    columns = [values == category for category in known[:-1]]
    columns.append(~np.isin(values, known))
    return np.stack(columns, axis=1).astype(np.float64)
