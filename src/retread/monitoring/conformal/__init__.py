"""Conformal test martingales: ranks, bets on them, and their mixture over times of change.

>>> import numpy as np
>>> from retread.monitoring.conformal import ordered_keys
>>> keys = ordered_keys(np.array([[2.0], [-1.0], [np.nan]]), np.random.default_rng(0))
>>> keys[:, 0].argsort().tolist()  # missing values come first
[2, 1, 0]
"""

from retread.monitoring.conformal.clustering import design_effects
from retread.monitoring.conformal.mixture import Wealth, bet, fresh_wealth, log_wealth
from retread.monitoring.conformal.ranks import ordered_keys, sequential_ranks
from retread.monitoring.conformal.tracks import Tracks, fit_tracks, split_rows

__all__ = [
    "Tracks",
    "Wealth",
    "bet",
    "design_effects",
    "fit_tracks",
    "fresh_wealth",
    "log_wealth",
    "ordered_keys",
    "sequential_ranks",
    "split_rows",
]
