"""Images in two or more classes."""

from __future__ import annotations

from dataclasses import dataclass

from retread.core import InvalidInput, MissingDependency, plugin_names
from retread.data.version import ColumnKind, Schema
from retread.training.model_lookup import check_model_type
from retread.training.model_types import vision
from retread.training.progress import Report
from retread.training.recipe import FITTING_OPTIONS, Task, Trained
from retread.training.request import TrainingRequest


@dataclass(frozen=True, slots=True)
class ImageClassification:
    """Convolutional networks, trained with PyTorch."""

    regression: bool = False
    options: tuple[str, ...] = FITTING_OPTIONS

    def model_types(self) -> tuple[str, ...]:
        return plugin_names(vision)

    def check(self, request: TrainingRequest, schema: Schema) -> None:
        check_model_type(vision, request.model_type)
        if request.batch_size < 2:
            raise InvalidInput(
                "batch_size is 1, but batch normalisation cannot learn from single examples.",
                "Set it to at least 2.",
            )
        if [column.kind for column in schema.columns] != [ColumnKind.IMAGE]:
            raise InvalidInput(
                "The recipe image-classification needs images, but the data is a table.",
                "Set [recipe] kind to tabular-classification or tabular-regression.",
            )

    def train(self, task: Task, report: Report) -> Trained:
        try:
            import torch  # noqa: F401  whether it is there is the question
        except ModuleNotFoundError:
            raise MissingDependency("torch", "vision") from None
        from retread.training.vision import fit

        return fit(task, report)


RECIPE = ImageClassification()
