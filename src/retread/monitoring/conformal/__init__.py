"""Conformal test martingales: tracks of values, their ranks, and bets on the ranks.

>>> import numpy as np
>>> from retread.monitoring.conformal import ordered_keys
>>> keys = ordered_keys(np.array([[2.0], [-1.0], [np.nan]]), np.random.default_rng(0))
>>> keys[:, 0].argsort().tolist()  # missing values come first
[2, 1, 0]
"""

from retread.monitoring.conformal.martingale import (
    Wealth,
    bet,
    design_effects,
    fresh_wealth,
    log_wealth,
    ordered_keys,
    sequential_ranks,
)
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
