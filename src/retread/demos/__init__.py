"""The whole loop, told as a story: `retread demo tires|iris|bikes`.

summary = play_demo("iris", data=None, folder=Path("there"), seed=0, stream=sys.stdout)
assert summary.closed
"""

from retread.demos.play import NAMES, play_demo
from retread.demos.summary import Summary

__all__ = ["NAMES", "Summary", "play_demo"]
