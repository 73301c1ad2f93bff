"""The recipe of tables; classification and regression differ in one flag."""

from __future__ import annotations

from retread.core import InvalidInput, plugin_names
from retread.data.version import ColumnKind, Schema
from retread.training.inputs import table_inputs
from retread.training.model_interfaces import check_model_type
from retread.training.model_types import tabular
from retread.training.recipe import Recipe, Task, TrainedModel
from retread.training.request import EpochCallback, TrainingRequest


class TabularRecipe(Recipe):
    """Estimators with scikit-learn's interface, behind an encoding of categories."""

    options = ("epochs",)

    def __init__(self, *, regression: bool) -> None:
        self.regression = regression

    def model_types(self) -> tuple[str, ...]:
        return plugin_names(tabular)

    def check(self, request: TrainingRequest, schema: Schema) -> None:
        check_model_type(tabular, request.model_type)
        if any(column.kind is ColumnKind.IMAGE for column in schema.columns):
            raise InvalidInput(
                "The data is images, but the recipe is for tables.",
                "Set [recipe] kind to image-classification.",
            )
        table_inputs(schema)
        _check_target(schema, regression=self.regression)

    def used_options(self, request: TrainingRequest) -> tuple[str, ...]:
        from retread.training.tabular.fit import built

        model = built(request, 1, regression=self.regression)
        return self.options if model.rounds else ()

    def train(self, task: Task, on_epoch: EpochCallback) -> TrainedModel:
        from retread.training.tabular.fit import fit

        return fit(task, on_epoch, regression=self.regression)


def _check_target(schema: Schema, *, regression: bool) -> None:
    if regression and schema.labels:
        raise InvalidInput(
            f"tabular-regression needs a numeric target, but the labels are "
            f"{list(schema.labels)[:5]}.",
            "Set [recipe] kind to tabular-classification, or [data] labels to another column.",
        )
    if not regression and not schema.labels:
        raise InvalidInput(
            "tabular-classification needs labels, but the target is a number.",
            "Set [recipe] kind to tabular-regression, or [data] labels to another column.",
        )
