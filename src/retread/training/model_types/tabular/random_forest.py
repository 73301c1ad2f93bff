"""A hundred trees, each on its own draw of the rows (Breiman 2001)."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from retread.training.estimator import Model


def build(regression: bool, seed: int, threads: int) -> Model:
    if regression:
        # Leaves of single rows would make a graph of tens of megabytes.
        forest = RandomForestRegressor(min_samples_leaf=3, random_state=seed, n_jobs=threads)
    else:
        forest = RandomForestClassifier(random_state=seed, n_jobs=threads)
    return Model(forest)
