"""Run the whole loop on generated or real data: `retread demo tires|iris|bikes`.

results = run_demo("iris", DemoOptions(folder=Path("new-folder")), sys.stdout)
assert results.closed
"""

from retread.demos.results import DemoResults
from retread.demos.run import NAMES, DemoOptions, run_demo

__all__ = ["NAMES", "DemoOptions", "DemoResults", "run_demo"]
