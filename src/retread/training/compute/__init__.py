"""Where trainings run.

>>> from retread.training.compute import ProcessCompute
>>> ProcessCompute.__name__
'ProcessCompute'
"""

from retread.training.compute.process import Compute, ProcessCompute

__all__ = ["Compute", "ProcessCompute"]
