"""Conformal ranks of new values among a pool: independent and uniform while nothing changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A rank among this many values loses little of what a rank among all of them would say.
_PIECE = 32
_LARGEST_PIECE = 64
# Lanes counted at a time, so that they stay in the processor's cache.
_CHUNK = 64


def ordered_keys(values: npt.NDArray[np.float64], rng: np.random.Generator) -> Keys:
    """Integers in the order of `values` [n, tracks], ties broken by 32 random bits for good.

    Values are taken as float32; NaN is less than everything. With the ties broken the keys are
    a continuous variable, so ranks need no smoothing of their own.
    """
    with np.errstate(over="ignore"):
        single = np.where(np.isnan(values), -np.inf, values).astype(np.float32)
    # Adding 0 makes -0 and 0 one value; the bits of a negative float32 order backwards.
    bits = (single + np.float32(0)).view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    ties = rng.integers(0, 2**32, size=values.shape, dtype=np.uint32)
    return (ordered << 32) | ties


def sequential_ranks(pool: Keys, batch: Keys, rng: np.random.Generator) -> Floats:
    """Ranks in (0, 1) of each row of `batch` [m, tracks] among `pool` [n, tracks] and itself.

    The batch is cut into lanes and the pool, at random, into one piece a lane: a row is ranked
    among the piece and the earlier rows of its lane. Lanes share nothing, so by the usual
    argument (Vovk, Gammerman, Shafer 2005, theorem 8.2, read backwards from the bags of the
    lanes) all ranks of a track are independent and uniform if pool and batch are exchangeable,
    however small the pool; and they say as much as ranks among everything, at a fraction of
    the comparisons. Needs 1 <= m and n >= 1.
    """
    m, tracks = batch.shape
    length = min(m, max(1, -(-_PIECE * m // len(pool))))
    lanes = -(-m // length)
    piece = min(_LARGEST_PIECE, len(pool) // lanes)
    padded = np.zeros((lanes * length, tracks), dtype=np.int64)
    padded[:m] = batch
    rows = padded.reshape(lanes, length, tracks)
    chosen = rng.permutation(len(pool))[: piece * lanes].reshape(lanes, piece)
    below = np.concatenate(
        [
            _counts(pool[chosen[start : start + _CHUNK]], rows[start : start + _CHUNK])
            for start in range(0, lanes, _CHUNK)
        ]
    )
    among = piece + 1 + np.arange(length, dtype=np.float64)
    ranks: Floats = (below + rng.random(rows.shape)) / among[:, None]
    return ranks.reshape(lanes * length, tracks)[:m]


def _counts(pieces: Keys, lanes: Keys) -> npt.NDArray[np.uint16]:
    """How many of its piece [k, n, tracks] and of the earlier rows of its lane [k, m, tracks]
    are below each row."""
    pieces, rows = pieces.swapaxes(0, 1), lanes.swapaxes(0, 1)
    below = np.zeros(rows.shape, dtype=np.uint16)
    for members in pieces:
        below += members < rows
    for earlier in range(len(rows) - 1):
        below[earlier + 1 :] += rows[earlier] < rows[earlier + 1 :]
    return below.swapaxes(0, 1)
