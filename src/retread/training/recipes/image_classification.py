"""Images in two or more classes."""

from __future__ import annotations

from dataclasses import dataclass

from retread.core import InvalidInput, MissingDependency, plugin_names
from retread.data.version import ColumnKind, Schema
from retread.training.model_lookup import check_model_type
from retread.training.model_types import vision
from retread.training.progress import Report
from retread.training.recipe import Task, Trained


@dataclass(frozen=True, slots=True)
class ImageClassification:
    """Convolutional networks, trained with PyTorch."""

    regression: bool = False

    def model_types(self) -> tuple[str, ...]:
        return plugin_names(vision)

    def check(self, model_type: str, schema: Schema) -> None:
        check_model_type(vision, model_type)
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
        from retread.training.vision.fit import fit

        return fit(task, report)


RECIPE = ImageClassification()
