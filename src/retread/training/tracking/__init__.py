"""Runs in MLflow. Importing this package does not import mlflow; using it does.

>>> from retread.training.tracking import MlflowRuns
>>> MlflowRuns.__name__
'MlflowRuns'

MlflowTracking records runs, MlflowRuns reads them, and MlflowAliases publishes stages as aliases
of MLflow's registered model.
"""

from retread.training.tracking.aliases import MlflowAliases
from retread.training.tracking.mlflow_tracking import MlflowTracking
from retread.training.tracking.runs import Difference, MlflowRuns, RunSummary, differences

__all__ = [
    "Difference",
    "MlflowAliases",
    "MlflowRuns",
    "MlflowTracking",
    "RunSummary",
    "differences",
]
