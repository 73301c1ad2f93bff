"""Confidence intervals for the difference of two models on the same examples.

>>> from retread.registry.comparison import score_interval
>>> low, high = score_interval(wins=12, losses=2, examples=100, confidence=0.9)
>>> low > 0
True
"""

from retread.registry.comparison.bootstrap import bootstrap_interval, gain
from retread.registry.comparison.label_space import in_labels_of_both
from retread.registry.comparison.score_interval import score_interval

__all__ = ["bootstrap_interval", "gain", "in_labels_of_both", "score_interval"]
