"""The shape of a recipe: a kind of task, and how its models are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from retread.bundle import ImageInput, Signature
from retread.data.version import Schema
from retread.project import Settings
from retread.training.examples import Examples
from retread.training.inputs import Arrays
from retread.training.progress import Report
from retread.training.request import TrainingRequest


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Everything a recipe may look at; the evaluation split is not part of it.

    `labels` are in the order of the probabilities, empty for regression.
    """

    request: TrainingRequest
    settings: Settings
    schema: Schema
    labels: tuple[str, ...]
    train: Examples
    validation: Examples
    threads: int


@dataclass(frozen=True, slots=True)
class Result:
    """How the epochs went: validation metrics of the epoch that was kept, and whether it met the
    threshold; `reason` says why not."""

    metrics: dict[str, float]
    epochs: int
    met: bool
    reason: str


class Trained(Protocol):
    """A trained model that can become a graph."""

    @property
    def result(self) -> Result: ...

    @property
    def signature(self) -> Signature: ...

    @property
    def image(self) -> ImageInput | None: ...

    def export(self) -> bytes:
        """The ONNX graph of `signature`, preprocessing inside."""
        ...

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """What the trained model itself says, in the order of the signature's outputs."""
        ...


FITTING_OPTIONS = ("epochs", "learning_rate", "batch_size", "optimizer_type")
"""Parts of a request that some recipes have no use for."""


class Recipe(Protocol):
    """A kind of task."""

    @property
    def regression(self) -> bool: ...

    @property
    def options(self) -> tuple[str, ...]:
        """Those of FITTING_OPTIONS that shape a run."""
        ...

    def model_types(self) -> tuple[str, ...]:
        """Names of the built-in model types, found without importing their libraries."""
        ...

    def check(self, request: TrainingRequest, schema: Schema) -> None:
        """Raise InvalidInput or UnknownOption for what cannot be trained."""
        ...

    def train(self, task: Task, report: Report) -> Trained:
        """Train, deciding by the validation split; report each epoch."""
        ...
