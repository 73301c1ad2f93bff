"""Training: from a dataset version to a bundle.

>>> from retread.training import Overrides, recipe_names
>>> Overrides(model_type="cnn").model_type
'cnn'

A recipe or model type of your own implements Recipe, TabularModelType or VisionModelType and is
named `package.module:Name` in the settings; docs/extending.md shows one of each.

`retread.training.tracking` records runs. `retread.training.run`, which trains in the current
process, is not imported here because it loads the training libraries.
"""

from retread.training.catalog import OPTIMIZERS, recipe_named, recipe_names
from retread.training.estimate import Estimate, check_memory, estimate_of, free_memory
from retread.training.evaluation import score
from retread.training.model_interfaces import TabularModel, TabularModelType, VisionModelType
from retread.training.plan import Overrides, plan_runs
from retread.training.process_compute import ProcessCompute
from retread.training.recipe import FitResult, Recipe, Task, TrainedModel
from retread.training.request import (
    EpochCallback,
    EpochFinished,
    StopTraining,
    TrainingOutcome,
    TrainingRequest,
)
from retread.training.scenario import Compute, train_scenario

__all__ = [
    "OPTIMIZERS",
    "Compute",
    "EpochCallback",
    "EpochFinished",
    "Estimate",
    "FitResult",
    "Overrides",
    "ProcessCompute",
    "Recipe",
    "StopTraining",
    "TabularModel",
    "TabularModelType",
    "Task",
    "TrainedModel",
    "TrainingOutcome",
    "TrainingRequest",
    "VisionModelType",
    "check_memory",
    "estimate_of",
    "free_memory",
    "plan_runs",
    "recipe_named",
    "recipe_names",
    "score",
    "train_scenario",
]
