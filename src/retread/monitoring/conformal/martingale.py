"""Conformal test martingales: ranks among a pool, and bets that the ranks are not uniform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.monitoring.betting import waiting_share

Keys = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Ranks: independent and uniform while nothing changes.

# A rank among this many values says little less than a rank among all of them.
_PIECE = 32
_LARGEST_PIECE = 64
# Lanes that are counted at a time, so that they fit the processor's cache.
_CHUNK = 64


def ordered_keys(values: Floats, rng: np.random.Generator) -> Keys:
    """Map values to integers of the same order, with ties broken once by 32 random bits.

    Values are taken as float32; NaN is less than all others. As ties are broken, the keys are a
    continuous variable, and ranks need no smoothing.

    Args:
        values: float64 [n, tracks].
        rng: Draws the bits that break ties.

    Returns:
        int64 [n, tracks].
    """
    with np.errstate(over="ignore"):
        single = np.where(np.isnan(values), -np.inf, values).astype(np.float32)
    # Adding 0 makes -0 equal to 0; the bits of negative float32 numbers sort in reverse.
    bits = (single + np.float32(0)).view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    ties = rng.integers(0, 2**32, size=values.shape, dtype=np.uint32)
    return (ordered << 32) | ties


def sequential_ranks(pool: Keys, batch: Keys, rng: np.random.Generator) -> Floats:
    """Rank each row of a batch among the pool and the earlier rows of the batch.

    The batch is cut into lanes, and the pool at random into one piece per lane: a row is ranked
    among the piece and the earlier rows of its lane. Lanes share nothing, so by the usual
    argument (Vovk, Gammerman, Shafer 2005, theorem 8.2, read backwards from the bags of the
    lanes) all ranks of a track are independent and uniform if pool and batch are exchangeable,
    however small the pool is. They say as much as ranks among everything, with a fraction of the
    comparisons.

    Args:
        pool: int64 [n, tracks], n >= 1.
        batch: int64 [m, tracks], m >= 1.
        rng: Cuts the pool.

    Returns:
        float64 [m, tracks], in (0, 1).
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
    """Count smaller values: in the piece [k, n, tracks], and earlier in the lane [k, m, tracks]."""
    pieces, rows = pieces.swapaxes(0, 1), lanes.swapaxes(0, 1)
    below = np.zeros(rows.shape, dtype=np.uint16)
    for members in pieces:
        below += members < rows
    for earlier in range(len(rows) - 1):
        below[earlier + 1 :] += rows[earlier] < rows[earlier + 1 :]
    return below.swapaxes(0, 1)


def design_effects(keys: Keys, groups: npt.NDArray[np.generic]) -> Floats:
    """Return how many rows are worth as much as one independent row, per track.

    This is Kish's design effect 1 + (m - 1) r: m is the size of the group of a random row, and r
    the share of the variance of ranks that lies between groups (one-way analysis of variance).

    Args:
        keys: int64 [n, tracks].
        groups: [n], equal for rows that belong together; [0] if that is unknown.

    Returns:
        float64 [tracks], at least 1; all ones without groups, or if each row is a group.
    """
    n, tracks = keys.shape
    _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(member) != n or not 1 < len(sizes) < n:
        return np.ones(tracks)
    ranks = keys.argsort(axis=0).argsort(axis=0) / n
    totals = np.zeros((len(sizes), tracks))
    np.add.at(totals, member, ranks)
    means = totals / sizes[:, None]
    between = (sizes[:, None] * (means - ranks.mean(axis=0)) ** 2).sum(axis=0) / (len(sizes) - 1)
    within = ((ranks - means[member]) ** 2).sum(axis=0) / (n - len(sizes))
    typical = (n - (sizes**2).sum() / n) / (len(sizes) - 1)
    share = (between - within) / np.maximum(between + (typical - 1) * within, 1e-12)
    size = float((sizes**2).sum() / n)
    return np.asarray(1.0 + (size - 1.0) * np.clip(share, 0.0, 1.0))


# Bets: a mixture over kinds of change and over the time of change.

# Exponential tilts exp(a s + b s^2) of the uniform density, s = 2 rank - 1 in (-1, 1).
_SHIFTS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 8.0)
_SPREADS = (0.3, 0.8, 2.0, 5.0)
_A = np.array([*_SHIFTS, *(-a for a in _SHIFTS), *(0.0 for _ in _SPREADS * 2)])
_B = np.array([*(0.0 for _ in _SHIFTS * 2), *_SPREADS, *(-b for b in _SPREADS)])
_LOG_PRIOR = np.log(
    np.concatenate(
        [
            np.full(2 * len(_SHIFTS), 0.75 / (2 * len(_SHIFTS))),
            np.full(2 * len(_SPREADS), 0.25 / (2 * len(_SPREADS))),
        ]
    )
)


def _log_normalisers() -> Floats:
    nodes, weights = np.polynomial.legendre.leggauss(80)
    densities = np.exp(_A[:, None] * nodes + _B[:, None] * nodes**2)
    return np.asarray(np.log(densities @ weights / 2))


_LOG_NORMALISERS = _log_normalisers()


@dataclass(frozen=True, slots=True, eq=False)
class Wealth:
    """The wealth of the bets on each track.

    Attributes:
        started: float64 [tracks, bets], the log wealth of the bets that have started.
        blocks: The number of blocks of ranks so far.
    """

    started: Floats
    blocks: int


def fresh_wealth(tracks: int) -> Wealth:
    """Return the wealth before the first bet."""
    return Wealth(np.full((tracks, len(_A)), -np.inf), 0)


def bet(wealth: Wealth, ranks: Floats) -> Wealth:
    """Bet on another block of ranks.

    A change may begin with any block; the prior weight of block t is what `waiting_share` loses
    there. As the bets are exponential tilts, they need only the sums of s and s^2 over the block.

    Args:
        wealth: The wealth before the block.
        ranks: float64 [m, tracks], in (0, 1).
    """
    s = 2.0 * ranks - 1.0
    first, second = s.sum(axis=0), np.einsum("ij,ij->j", s, s)
    gain = np.outer(first, _A) + np.outer(second, _B) - len(ranks) * _LOG_NORMALISERS
    begins = np.log(waiting_share(wealth.blocks) - waiting_share(wealth.blocks + 1))
    return Wealth(np.logaddexp(wealth.started, begins) + gain, wealth.blocks + 1)


def log_wealth(wealth: Wealth) -> Floats:
    """Return the log of the mixture martingale per track, float64 [tracks]; it starts at 0.

    While ranks are independent and uniform each is a test martingale: the chance that it ever
    exceeds log(c) is at most 1/c (Ville's inequality).
    """
    mixed = np.logaddexp.reduce(wealth.started + _LOG_PRIOR, axis=1)
    return np.asarray(np.logaddexp(mixed, np.log(waiting_share(wealth.blocks))))
