"""Classify images into two or more classes."""

from __future__ import annotations

from retread.core import InvalidInput, MissingDependency, plugin_names
from retread.data.version import ColumnKind, Schema
from retread.training.model_interfaces import check_model_type
from retread.training.model_types import vision
from retread.training.recipe import FITTING_OPTIONS, Recipe, Task, TrainedModel
from retread.training.request import EpochCallback, TrainingRequest


class ImageClassification(Recipe):
    """Convolutional networks, trained with PyTorch."""

    options = FITTING_OPTIONS

    def model_types(self) -> tuple[str, ...]:
        return plugin_names(vision)

    def check(self, request: TrainingRequest, schema: Schema) -> None:
        check_model_type(vision, request.model_type)
        if request.batch_size < 2:
            raise InvalidInput(
                "batch_size is 1, but batch normalisation cannot train on single examples.",
                "Set it to at least 2.",
            )
        if [column.kind for column in schema.columns] != [ColumnKind.IMAGE]:
            raise InvalidInput(
                "The recipe image-classification needs images, but the data is a table.",
                "Set [recipe] kind to tabular-classification or tabular-regression.",
            )

    def train(self, task: Task, on_epoch: EpochCallback) -> TrainedModel:
        try:
            import torch  # noqa: F401  only to see whether it is installed
        except ModuleNotFoundError:
            raise MissingDependency("torch", "vision") from None
        from retread.training.vision import fit

        return fit(task, on_epoch)


RECIPE = ImageClassification()
