"""Training: from a dataset version to a bundle.

>>> from retread.bundle import Cause
>>> from retread.training import Overrides, recipe_names
>>> Overrides(model_type="cnn").model_type
'cnn'

Runs are recorded by `retread.training.tracking`; `retread.training.run`, which trains in this
process, is imported by name, because it loads what it trains with.
"""

from retread.training.catalog import OPTIMIZERS, recipe_named, recipe_names
from retread.training.compute import Compute, ProcessCompute, train_scenario
from retread.training.evaluation import score
from retread.training.plan import Overrides, plan_runs
from retread.training.progress import EpochFinished, Report
from retread.training.recipe import Recipe, Result, Task, Trained
from retread.training.request import TrainingOutcome, TrainingRequest

__all__ = [
    "OPTIMIZERS",
    "Compute",
    "EpochFinished",
    "Overrides",
    "ProcessCompute",
    "Recipe",
    "Report",
    "Result",
    "Task",
    "Trained",
    "TrainingOutcome",
    "TrainingRequest",
    "plan_runs",
    "recipe_named",
    "recipe_names",
    "score",
    "train_scenario",
]
