"""How large the trees of a model become, and may become."""

from __future__ import annotations

ROUNDS_PER_EPOCH = 10
"""Boosting rounds that count as one epoch."""

FOREST_TREES = 100

_MAX_NODES = 4_000_000
_MAX_NUMBERS = 60_000_000
# Of the rows; each tree sees two thirds of them.
_LEAVES_OF_NUMBERS = 0.2
_LEAVES_OF_CLASSES = 0.3


def most_leaves(trees: int, classes: int) -> int:
    """Return how many leaves each tree of a forest may have.

    A tree has nearly two nodes per leaf. scikit-learn keeps 64 bytes per node and 8 per node and
    class, so that no forest takes more than half a gigabyte.

    Args:
        trees: Number of trees.
        classes: Number of classes; 0 for regression.

    >>> most_leaves(100, 2), most_leaves(100, 300)
    (20000, 1000)
    """
    numbers = _MAX_NUMBERS // max(classes, 1)
    return max(2, min(_MAX_NODES, numbers) // (2 * max(trees, 1)))


def expected_leaves(rows: int, classes: int) -> int:
    """Return about how many leaves an unlimited tree of a forest has, for noisy data."""
    return max(1, int(rows * (_LEAVES_OF_CLASSES if classes else _LEAVES_OF_NUMBERS)))
