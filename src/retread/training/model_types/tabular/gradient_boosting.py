"""Boosted trees over binned features (Friedman 2001; Ke et al. 2017)."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from retread.training.estimator import Model


def build(regression: bool, seed: int, threads: int) -> Model:  # noqa: ARG001  OpenMP has its own
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    # Its own early stopping would judge by training rows; the validation split decides instead.
    estimator = kind(random_state=seed, early_stopping=False)
    return Model(estimator, handles_missing=True, rounds="max_iter")
