"""Bets against uniform ranks, mixed over kinds of change and over the time of change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.monitoring.betting import waiting_share

Floats = npt.NDArray[np.float64]

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
    """What the bets on each track have made: `started` float64 [tracks, bets] is the log wealth
    of those whose time of change has come, after `blocks` blocks of ranks."""

    started: Floats
    blocks: int


def fresh_wealth(tracks: int) -> Wealth:
    return Wealth(np.full((tracks, len(_A)), -np.inf), 0)


def bet(wealth: Wealth, ranks: Floats) -> Wealth:
    """Wealth after one more block of `ranks` [m, tracks].

    A change may begin with any block; block t has what `waiting_share` loses there as its prior
    weight. As exponential tilts, the bets need only the sums of s and s^2 over the block.
    """
    s = 2.0 * ranks - 1.0
    first, second = s.sum(axis=0), np.einsum("ij,ij->j", s, s)
    gain = np.outer(first, _A) + np.outer(second, _B) - len(ranks) * _LOG_NORMALISERS
    begins = np.log(waiting_share(wealth.blocks) - waiting_share(wealth.blocks + 1))
    return Wealth(np.logaddexp(wealth.started, begins) + gain, wealth.blocks + 1)


def log_wealth(wealth: Wealth) -> Floats:
    """Log of the mixture martingale of each track, [tracks]; it starts at 0.

    While ranks are independent and uniform each is a test martingale: the chance that it ever
    exceeds log(c) is at most 1/c (Ville).
    """
    mixed = np.logaddexp.reduce(wealth.started + _LOG_PRIOR, axis=1)
    return np.asarray(np.logaddexp(mixed, np.log(waiting_share(wealth.blocks))))
