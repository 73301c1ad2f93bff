"""The interfaces that model types implement, and the lookup of model types by name.

A built-in model type is a file of `retread.training.model_types` with a function `build`; any
other is a function or class named `package.module:name`. Built-in ones are listed without
importing them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from retread.core import (
    UnknownOption,
    is_import_string,
    load_plugin,
    plugin_names,
)
from retread.core.plugins import import_callable, invalid_plugin

if TYPE_CHECKING:
    from retread.training.network import Network

Matrix = npt.NDArray[Any]


class Estimator(Protocol):
    """The part of scikit-learn's interface that a model of tables has.

    Classifiers implement `predict_proba`, regressors `predict`.
    """

    def fit(self, features: Matrix, target: Matrix) -> Any:
        """Train on features [n, columns] and the target [n]."""
        ...

    def predict(self, features: Matrix) -> npt.NDArray[np.float64]:
        """Return the value [n] of each row."""
        ...


@dataclass(frozen=True, slots=True)
class TabularModel:
    """An estimator, and what training needs to know about it.

    Attributes:
        estimator: An untrained estimator that skl2onnx can export.
        handles_missing: Whether it accepts NaN. Otherwise NaN is replaced by the column's median.
        rounds: Name of the parameter that sets the number of boosting rounds, for an estimator
            that can predict after each of them (`staged_predict`, `staged_predict_proba`). An
            epoch is ROUNDS_PER_EPOCH rounds, and the best epoch is kept. None trains once.
        leaves: Name of the parameter that limits the leaves of a tree, for an ensemble of
            `n_estimators` trees with a number per leaf and class. It is set where a large table or
            many classes would otherwise take gigabytes. None does not limit.
    """

    estimator: Any
    handles_missing: bool = False
    rounds: str | None = None
    leaves: str | None = None


class TabularModelType(Protocol):
    """A function that builds an untrained model of tables.

    ::

        def build(regression, seed, threads):
            return KNeighborsRegressor() if regression else KNeighborsClassifier()
    """

    def __call__(self, regression: bool, seed: int, threads: int) -> TabularModel | Estimator:
        """Build the model.

        Args:
            regression: Whether to predict a number rather than a class.
            seed: Seed of the estimator's randomness.
            threads: Number of CPU threads to use.

        Returns:
            A scikit-learn estimator, or a TabularModel where the defaults do not fit.
        """
        ...


class VisionModelType(Protocol):
    """A function that builds an untrained network over images.

    ::

        def build(classes, pretrained):
            body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            return Network(body, nn.Linear(3, classes), width=3)
    """

    def __call__(self, classes: int, pretrained: bool) -> Network:
        """Build the network.

        Args:
            classes: Number of classes.
            pretrained: Whether to start from published weights, if there are any.

        Returns:
            A `retread.training.network.Network`.
        """
        ...


def check_model_type(family: ModuleType, name: str) -> None:
    """Check that a model type exists, without importing it.

    Args:
        family: `model_types.tabular` or `model_types.vision`.
        name: Name of a built-in model type, or `package.module:name`.

    Raises:
        UnknownOption: There is no built-in model type of that name.
    """
    if not is_import_string(name) and name not in plugin_names(family):
        raise UnknownOption("model type", name, (*plugin_names(family), "package.module:name"))


def model_type_named(family: ModuleType, name: str, interface: type) -> Callable[..., Any]:
    """Return the function that builds models of a model type.

    Args:
        family: `model_types.tabular` or `model_types.vision`.
        name: Name of a built-in model type, or `package.module:name`.
        interface: TabularModelType or VisionModelType.

    Raises:
        UnknownOption: There is no built-in model type of that name.
        InvalidInput: The model type cannot be imported, or does not implement the interface.
    """
    parameters = list(inspect.signature(interface.__call__).parameters)[1:]
    if is_import_string(name):
        return import_callable("model type", name, _path(interface), parameters)
    build = getattr(load_plugin(family, "model type", name), "build", None)
    if not callable(build):
        problem = "its file has no function build()"
        raise invalid_plugin("model type", name, _path(interface), problem)
    return cast("Callable[..., Any]", build)


def checked_model(name: str, built: Any, regression: bool) -> TabularModel:
    """Return what a tabular model type built, with the defaults for a bare estimator.

    Raises:
        InvalidInput: The estimator lacks a method that training needs.
    """
    model = built if isinstance(built, TabularModel) else TabularModel(built)
    output = "predict" if regression else "predict_proba"
    needed = ["fit", output, f"staged_{output}"] if model.rounds else ["fit", output]
    missing = [method for method in needed if not callable(getattr(model.estimator, method, None))]
    if missing:
        methods = " and no ".join(f"{method}()" for method in missing)
        problem = (
            f"it returned an object of type {type(model.estimator).__name__}, with no {methods}"
        )
        raise invalid_plugin("model type", name, _path(TabularModelType), problem)
    return model


def _path(interface: type) -> str:
    return f"retread.training.{interface.__name__}"
