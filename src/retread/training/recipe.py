"""The interface of a recipe: a kind of task, and how its models are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt

from retread.bundle import ImageInput, Parameter, Signature
from retread.data.version import Schema
from retread.project import Settings
from retread.training.examples import Examples
from retread.training.inputs import Arrays
from retread.training.request import EpochCallback, TrainingRequest


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Everything that a recipe may see; the evaluation split is not part of it.

    Attributes:
        labels: Class labels in the order of the probabilities; empty for regression.
        threads: Number of CPU threads to use.
    """

    request: TrainingRequest
    settings: Settings
    schema: Schema
    labels: tuple[str, ...]
    train: Examples
    validation: Examples
    threads: int


@dataclass(frozen=True, slots=True)
class FitResult:
    """How training went.

    Attributes:
        metrics: Validation metrics of the epoch that was kept.
        epochs: Number of epochs that were trained.
        kept: Number of epochs of the model that was kept; None if the recipe does not say.
        shortfall: Why the model misses the early-stopping thresholds; None if it meets them.
        notes: What users should know about how the run went, a sentence each.
        parameters: What the model became, such as its number of trees; recorded with the run.
    """

    metrics: dict[str, float]
    epochs: int = 1
    shortfall: str | None = None
    notes: tuple[str, ...] = ()
    kept: int | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)


class TrainedModel(Protocol):
    """A trained model that can be exported."""

    @property
    def result(self) -> FitResult:
        """How training went."""
        ...

    @property
    def signature(self) -> Signature:
        """The inputs and outputs of the exported graph."""
        ...

    @property
    def image(self) -> ImageInput | None:
        """How images are preprocessed; None for tables."""
        ...

    def export(self) -> bytes:
        """Return the ONNX graph of `signature`, preprocessing included."""
        ...

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Predict with the trained model itself; outputs are in the order of the signature."""
        ...


FITTING_OPTIONS = ("epochs", "learning_rate", "batch_size", "optimizer_type")
"""Options of a request that not every recipe uses."""


class Recipe(ABC):
    """A kind of task. Subclass it and define `train`; all else has a default.

    Attributes:
        regression: Whether a model predicts a number rather than a class.
        options: Which of FITTING_OPTIONS the recipe uses. The others are refused.
    """

    regression: bool = False
    options: tuple[str, ...] = ()

    def model_types(self) -> tuple[str, ...]:
        """Return the names of the built-in model types, without importing their libraries."""
        return ()

    def check(self, request: TrainingRequest, schema: Schema) -> None:  # noqa: B027  a hook
        """Check a request against the schema of its data before anything starts.

        Raises:
            InvalidInput: The recipe cannot train what is requested.
        """

    def used_options(self, request: TrainingRequest) -> tuple[str, ...]:  # noqa: ARG002  a hook
        """Return which of `options` count for the model type of a request."""
        return self.options

    @abstractmethod
    def train(self, task: Task, on_epoch: EpochCallback) -> TrainedModel:
        """Train a model, using the validation split for all decisions.

        Args:
            task: The data and the settings.
            on_epoch: To be called after each epoch. If it raises StopTraining, keep the best epoch
                so far.
        """
