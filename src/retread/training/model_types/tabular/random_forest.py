"""A hundred trees, each trained on a random sample of the rows (Breiman 2001)."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from retread.training.model_interfaces import TabularModel
from retread.training.tree_sizes import FOREST_TREES


def build(regression: bool, seed: int, threads: int) -> TabularModel:
    """Build a random forest."""
    if regression:
        # Leaves with single rows would make a graph of tens of megabytes.
        forest = RandomForestRegressor(
            FOREST_TREES, min_samples_leaf=3, random_state=seed, n_jobs=threads
        )
    else:
        forest = RandomForestClassifier(FOREST_TREES, random_state=seed, n_jobs=threads)
    return TabularModel(forest, leaves="max_leaf_nodes")
