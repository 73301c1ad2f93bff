"""Boosted trees over binned features (Friedman 2001; Ke et al. 2017)."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from retread.training.model_interfaces import TabularModel


def build(regression: bool, seed: int, threads: int) -> TabularModel:  # noqa: ARG001  OpenMP sets its own
    """Build a histogram booster."""
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    # Its own early stopping would use training rows; the validation split decides instead.
    estimator = kind(random_state=seed, early_stopping=False)
    return TabularModel(estimator, handles_missing=True, rounds="max_iter")
