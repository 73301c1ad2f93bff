"""Conformal test martingale: exact at any number of looks, however small the reference.

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
    """`pool` int64 [n, tracks] are the keys that new rows are ranked among; `clustering` float64
    [tracks] is by how much groups in the reference make its rows worth less."""

    seed: int
    tracks: Tracks
    pool: npt.NDArray[np.int64]
    wealth: Wealth
    clustering: npt.NDArray[np.float64]


class Conformal:
    """Ranks each new value among the reference and everything since, and bets on the ranks."""

    def start(self, reference: Streams, seed: int) -> ConformalState:
        # The last number keeps the three streams of a seed apart: zeros at the end count for none.
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
        keyed = np.random.default_rng([state.seed, state.wealth.blocks, 0])
        keys = ordered_keys(state.tracks.scores(batch), keyed)
        while len(keys):
            state, keys = _update_block(state, keys)
        return state

    def evidence(self, state: ConformalState) -> dict[str, float]:
        """The best track of each stream, less the log of how many tracks and streams there are.

        Each track is a martingale in its own past, not in that of all: an average of them need
        not be one, while the union bound taken here holds however the tracks depend.
        """
        owners = state.tracks.owners
        sizes = Counter(owners)
        best = dict.fromkeys(sizes, -np.inf)
        worth = log_wealth(state.wealth) / state.clustering
        for owner, value in zip(owners, worth, strict=True):
            best[owner] = max(best[owner], float(value))
        return {name: best[name] - log(sizes[name]) - log(len(sizes)) for name in sizes}

    def encode(self, state: ConformalState) -> bytes:
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
    return Conformal()


def _update_block(
    state: ConformalState, keys: npt.NDArray[np.int64]
) -> tuple[ConformalState, npt.NDArray[np.int64]]:
    """Bet on as many rows as the pool has, and make them part of it."""
    if not len(state.pool):
        return replace(state, pool=keys[:1]), keys[1:]
    rng = np.random.default_rng([state.seed, state.wealth.blocks, 1])
    block, rest = keys[: len(state.pool)], keys[len(state.pool) :]
    wealth = bet(state.wealth, sequential_ranks(state.pool, block, rng))
    pool = _thinned(np.concatenate([state.pool, block]), rng)
    return replace(state, pool=pool, wealth=wealth), rest


def _thinned(pool: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """At most LARGEST_POOL rows: which go is drawn without regard to age or value, which leaves
    past and future ranks independent."""
    if len(pool) <= LARGEST_POOL:
        return pool
    return pool[rng.permutation(len(pool))[:LARGEST_POOL]]
