"""The size of a change, as opposed to the evidence for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from retread.bundle import Texts
from retread.monitoring.conformal import fit_tracks, split_rows
from retread.monitoring.streams import EMBEDDING, Streams

Counts = npt.NDArray[np.float64]

_MOST_BINS = 10
_ROWS_PER_BIN = 10


def effect_sizes(reference: Streams, recent: Streams, names: Iterable[str]) -> dict[str, float]:
    """Return the population stability index (PSI) per stream, corrected for sampling noise.

    0.1 is commonly called slight and 0.2 large; a shift by d standard deviations gives about
    d^2. Numbers are binned at the reference's quantiles, with fewer bins for fewer rows and a
    separate bin for a value that many rows share. The index of an embedding is the largest of its
    distance from the centre and its main axes.

    Args:
        reference: The reference streams.
        recent: The streams of recent traffic.
        names: The streams to measure.
    """
    return {name: _effect(reference, recent, name) for name in names}


def stability_index(expected: Counts, observed: Counts) -> float:
    """Return the PSI of two histograms over the same bins, corrected for sampling noise.

    Without a change PSI is about (bins - 1) (1/n + 1/m) by chance alone (it is a scaled
    chi-squared). This much is subtracted, so that a small window does not look like drift.

    Args:
        expected: float64 [bins], the counts in the reference.
        observed: float64 [bins], the counts in recent traffic.

    >>> stability_index(np.array([50.0, 50.0]), np.array([5.0, 5.0]))
    0.0
    """
    n, m = expected.sum(), observed.sum()
    used = (expected + observed) > 0
    bins = int(used.sum())
    if not n or not m or bins < 2:
        return 0.0
    p = (expected[used] + 0.5) / (n + 0.5 * bins)
    q = (observed[used] + 0.5) / (m + 0.5 * bins)
    index = float(((q - p) * np.log(q / p)).sum())
    return max(0.0, index - float((bins - 1) * (1 / n + 1 / m)))


def _effect(reference: Streams, recent: Streams, name: str) -> float:
    if name in reference.numeric:
        return _numeric(reference.numeric[name], recent.numeric[name])
    if name in reference.categorical:
        return _categorical(reference.categorical[name], recent.categorical[name])
    if name == EMBEDDING:
        return _embedding(reference, recent)
    return 0.0


def _numeric(expected: npt.NDArray[np.float64], observed: npt.NDArray[np.float64]) -> float:
    bins = int(np.clip(len(observed) // _ROWS_PER_BIN, 2, _MOST_BINS))
    known = expected[~np.isnan(expected)]
    if not len(known):
        return stability_index(*_histograms(np.isnan(expected), np.isnan(observed), 2))
    edges = _edges(known, bins)
    # Missing values have a separate bin, the last one.
    left = np.where(np.isnan(expected), len(edges) + 1, np.searchsorted(edges, expected, "right"))
    right = np.where(np.isnan(observed), len(edges) + 1, np.searchsorted(edges, observed, "right"))
    return stability_index(*_histograms(left, right, len(edges) + 2))


def _edges(known: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.float64]:
    """Return the lower edges of all bins but the first, float64 [bins - 1].

    A value that fills a bin has a bin of its own: otherwise a move from all zeros to larger
    values would not be seen.
    """
    values, counts = np.unique(known, return_counts=True)
    shared = values[counts * bins >= len(known)]
    quantiles = np.quantile(known, np.arange(1, bins) / bins)
    return np.unique(np.concatenate([quantiles, np.nextafter(shared, np.inf)]))


def _categorical(expected: Texts, observed: Texts) -> float:
    known, counts = np.unique(expected, return_counts=True)
    most = int(np.clip(len(observed) // _ROWS_PER_BIN, 2, _MOST_BINS)) - 1
    # Sorted for searchsorted; categories that are not frequent share a bin.
    frequent = np.sort(known[np.argsort(-counts, kind="stable")][:most])
    return stability_index(
        *_histograms(_codes(expected, frequent), _codes(observed, frequent), len(frequent) + 1)
    )


def _codes(values: Texts, frequent: Texts) -> npt.NDArray[np.int64]:
    bins = np.searchsorted(frequent, values)
    return np.where(np.isin(values, frequent), bins, len(frequent)).astype(np.int64)


def _embedding(reference: Streams, recent: Streams) -> float:
    fit, rest = split_rows(reference, np.random.default_rng(0))
    tracks = fit_tracks(reference.take(fit))
    if not tracks.centre.size:
        return 0.0
    expected = tracks.embedding_scores(reference.embedding[rest])
    observed = tracks.embedding_scores(recent.embedding)
    return max(_numeric(expected[:, i], observed[:, i]) for i in range(expected.shape[1]))


def _histograms(
    left: npt.NDArray[np.generic], right: npt.NDArray[np.generic], bins: int
) -> tuple[Counts, Counts]:
    count = [np.bincount(side.astype(np.int64), minlength=bins) for side in (left, right)]
    return count[0].astype(np.float64), count[1].astype(np.float64)
