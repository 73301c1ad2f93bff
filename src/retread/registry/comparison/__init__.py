"""Statistics of two models that answered the same examples.

>>> from retread.registry.comparison import score_interval
>>> low, high = score_interval(wins=12, losses=2, examples=100, confidence=0.9)
>>> low > 0
True
"""

from retread.registry.comparison.bootstrap import bootstrap_interval
from retread.registry.comparison.pairing import misaligned
from retread.registry.comparison.score_interval import score_interval

__all__ = ["bootstrap_interval", "misaligned", "score_interval"]
