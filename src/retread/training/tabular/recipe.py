"""Classification and regression of tables differ in one flag."""

from __future__ import annotations

from dataclasses import dataclass

from retread.core import InvalidInput, plugin_names
from retread.data.version import ColumnKind, Schema
from retread.training.inputs import table_inputs
from retread.training.model_lookup import check_model_type
from retread.training.model_types import tabular
from retread.training.progress import Report
from retread.training.recipe import Task, Trained
from retread.training.request import TrainingRequest


@dataclass(frozen=True, slots=True)
class TabularRecipe:
    """Estimators of scikit-learn's shape, with the encoding of categories in front."""

    regression: bool
    options: tuple[str, ...] = ("epochs",)

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

    def train(self, task: Task, report: Report) -> Trained:
        from retread.training.tabular.fit import fit

        return fit(task, report, regression=self.regression)


def _check_target(schema: Schema, *, regression: bool) -> None:
    if regression and schema.labels:
        raise InvalidInput(
            f"tabular-regression needs a numeric target, but the labels are "
            f"{list(schema.labels)[:5]}.",
            "Set [recipe] kind to tabular-classification, or name another [data] labels column.",
        )
    if not regression and not schema.labels:
        raise InvalidInput(
            "tabular-classification needs labels, but the target is a number.",
            "Set [recipe] kind to tabular-regression, or name another [data] labels column.",
        )
