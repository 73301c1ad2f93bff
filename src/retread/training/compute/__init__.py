"""Where trainings run.

>>> from retread.training.compute import ProcessCompute
>>> ProcessCompute.__name__
'ProcessCompute'
"""

from retread.training.compute.process import Compute, ProcessCompute
from retread.training.compute.scenario import train_scenario

__all__ = ["Compute", "ProcessCompute", "train_scenario"]
