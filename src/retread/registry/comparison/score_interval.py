"""Confidence interval of a paired difference of proportions.

T. Tango, "Equivalence test and confidence interval for the difference in proportions for the
paired-sample design", Statistics in Medicine 17 (1998): the interval inverts the score test, whose
test of no difference is McNemar's. Unlike Wald's it keeps its coverage when the models disagree on
few examples, or on none.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

_STEPS = 60


def score_interval(wins: int, losses: int, examples: int, confidence: float) -> tuple[float, float]:
    """Return confidence bounds of the share of wins minus the share of losses.

    Args:
        wins: The number of examples that only the first model predicted correctly.
        losses: The number of examples that only the second model predicted correctly.
        examples: The number of all examples, greater than 0.
        confidence: The confidence of each bound, one-sided.

    Returns:
        The lower and the upper bound.

    >>> low, high = score_interval(wins=0, losses=0, examples=187, confidence=0.9)
    >>> round(low, 4), round(high, 4)
    (-0.0087, 0.0087)
    """
    z = NormalDist().inv_cdf(confidence)
    difference = (wins - losses) / examples

    def statistic(assumed: float) -> float:
        return _score(wins, losses, examples, assumed)

    low = _bisect(lambda assumed: statistic(assumed) > z, -1.0, difference)
    high = _bisect(lambda assumed: statistic(assumed) > -z, difference, 1.0)
    return low, high


def _score(wins: int, losses: int, examples: int, assumed: float) -> float:
    """Return Tango's score statistic for an `assumed` difference; it decreases with it."""
    a = 2.0 * examples
    b = -wins - losses + (2.0 * examples - wins + losses) * assumed
    c = -losses * assumed * (1.0 - assumed)
    rare = (sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
    variance = examples * (2.0 * rare + assumed * (1.0 - assumed))
    distance = wins - losses - examples * assumed
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else float("inf") * distance
    return distance / sqrt(variance)


def _bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    """Find where `is_below` turns from true to false between `low` and `high`."""
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2.0
