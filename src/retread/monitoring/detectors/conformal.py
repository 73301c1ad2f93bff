"""Conformal test martingale: exact however often it is read, however small the reference.

Vovk, Petej, Nouretdinov, Ahlberg, Carlsson, Gammerman (2021), "Retrain or not retrain: conformal
test martingales for change-point detection".
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, replace
from math import log

import numpy as np
import numpy.typing as npt

from retread.bundle import pack_arrays, unpack_arrays
from retread.monitoring.conformal import (
    Tracks,
    Wealth,
    bet,
    design_effects,
    fit_tracks,
    fresh_wealth,
    log_wealth,
    ordered_keys,
    sequential_ranks,
    split_rows,
)
from retread.monitoring.streams import Streams

LARGEST_POOL = 10_000
_CATEGORY = "category:"


@dataclass(frozen=True, slots=True, eq=False)
class ConformalState:
    """The state of the detector.

    Attributes:
        seed: The seed of all random draws.
        tracks: How streams are mapped to tracks.
        pool: int64 [n, tracks], the keys that new rows are ranked among.
        wealth: The wealth of the bets on each track.
        clustering: float64 [tracks], the design effects of groups in the reference.
    """

    seed: int
    tracks: Tracks
    pool: npt.NDArray[np.int64]
    wealth: Wealth
    clustering: npt.NDArray[np.float64]


class Conformal:
    """Ranks each new value among the reference and all traffic since, and bets on the ranks."""

    def start(self, reference: Streams, seed: int) -> ConformalState:
        """See `Detector.start`."""
        # The last number separates the three generators of a seed; trailing zeros do not count.
        rng = np.random.default_rng([seed, 0, 2])
        fit, rank = split_rows(reference, rng)
        tracks = fit_tracks(reference.take(fit))
        ranked = reference.take(rank)
        pool = ordered_keys(tracks.scores(ranked), rng)
        return ConformalState(
            seed=seed,
            tracks=tracks,
            pool=_thinned(pool, rng),
            wealth=fresh_wealth(pool.shape[1]),
            clustering=design_effects(pool, ranked.groups),
        )

    def update(self, state: ConformalState, batch: Streams) -> ConformalState:
        """See `Detector.update`."""
        keyed = np.random.default_rng([state.seed, state.wealth.blocks, 0])
        keys = ordered_keys(state.tracks.scores(batch), keyed)
        while len(keys):
            state, keys = _update_block(state, keys)
        return state

    def evidence(self, state: ConformalState) -> dict[str, float]:
        """Return the strongest track per stream, corrected for the number of tracks and streams.

        Each track is a martingale with respect to its own past, not to that of all: an average of
        tracks need not be one, but the union bound used here holds under any dependence.
        """
        owners = state.tracks.owners
        sizes = Counter(owners)
        best = dict.fromkeys(sizes, -np.inf)
        worth = log_wealth(state.wealth) / state.clustering
        for owner, value in zip(owners, worth, strict=True):
            best[owner] = max(best[owner], float(value))
        return {name: best[name] - log(sizes[name]) - log(len(sizes)) for name in sizes}

    def encode(self, state: ConformalState) -> bytes:
        """See `Detector.encode`."""
        categories = {_CATEGORY + k: v for k, v in state.tracks.categories.items()}
        return pack_arrays(
            seed=np.array(state.seed),
            numeric=np.array(state.tracks.numeric, dtype=np.str_),
            centre=state.tracks.centre,
            axes=state.tracks.axes,
            pool=state.pool,
            started=state.wealth.started,
            blocks=np.array(state.wealth.blocks),
            clustering=state.clustering,
            **categories,
        )

    def decode(self, content: bytes) -> ConformalState:
        """See `Detector.decode`."""
        arrays = unpack_arrays(io.BytesIO(content))
        tracks = Tracks(
            numeric=tuple(str(name) for name in arrays["numeric"]),
            categories={
                k.removeprefix(_CATEGORY): v for k, v in arrays.items() if k.startswith(_CATEGORY)
            },
            centre=arrays["centre"],
            axes=arrays["axes"],
        )
        wealth = Wealth(arrays["started"], int(arrays["blocks"]))
        return ConformalState(
            seed=int(arrays["seed"]),
            tracks=tracks,
            pool=arrays["pool"],
            wealth=wealth,
            clustering=arrays["clustering"],
        )


def detector() -> Conformal:
    """Return the detector."""
    return Conformal()


def _update_block(
    state: ConformalState, keys: npt.NDArray[np.int64]
) -> tuple[ConformalState, npt.NDArray[np.int64]]:
    """Bet on as many rows as the pool has, and add them to the pool."""
    if not len(state.pool):
        return replace(state, pool=keys[:1]), keys[1:]
    rng = np.random.default_rng([state.seed, state.wealth.blocks, 1])
    block, rest = keys[: len(state.pool)], keys[len(state.pool) :]
    wealth = bet(state.wealth, sequential_ranks(state.pool, block, rng))
    pool = _thinned(np.concatenate([state.pool, block]), rng)
    return replace(state, pool=pool, wealth=wealth), rest


def _thinned(pool: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Keep at most LARGEST_POOL rows, drawn regardless of age and value.

    This leaves past and future ranks independent.
    """
    if len(pool) <= LARGEST_POOL:
        return pool
    return pool[rng.permutation(len(pool))[:LARGEST_POOL]]
