"""The settings of a candidate: its recipe, its training, and what it must achieve."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, field_validator

from retread.project.settings.section import Section


class RecipeSection(Section):
    """The kind of task."""

    kind: str = "image-classification"
    """`image-classification`, `tabular-classification`, `tabular-regression`, or your own recipe
    as package.module:Class."""
    positive_label: str = ""
    """Positive class of a binary classification, for precision and recall. Empty: the rarer label
    of the first dataset version, which `retread data add` names."""
    image_size: int = Field(default=256, ge=32, le=1024)
    """Width and height in pixels to which images are resized."""


class ScenarioRun(Section):
    """One run of a scenario. Missing keys are taken from `[training]`."""

    model_type: str | None = None
    """Model type of this run."""
    optimizer_type: Literal["adam", "sgd", "adamw"] | None = None
    """Optimizer of this run."""
    epochs: int | None = Field(default=None, ge=1, le=10_000)
    """Maximum number of epochs of this run."""
    learning_rate: float | None = Field(default=None, gt=0, le=10)
    """Peak learning rate of this run."""
    batch_size: int | None = Field(default=None, ge=1, le=65_536)
    """Batch size of this run."""


class Scenario(Section):
    """A named list of training runs that are compared with each other."""

    runs: tuple[ScenarioRun, ...] = Field(min_length=1)
    """Runs to train. The best one on the validation split goes to the gate."""


class AugmentationSection(Section):
    """How training photos are varied at random, in every epoch. Nothing is varied elsewhere."""

    flip_horizontal: bool = True
    """Mirror half of the photos left to right. Must be false where that would change the label, as
    with left and right parts; `retread data add` says so if labels are mirror images."""
    flip_vertical: bool = False
    """Mirror half of the photos top to bottom."""
    rotation: float = Field(default=30.0, ge=0, le=180)
    """Largest rotation in degrees, in either direction."""
    brightness: float = Field(default=0.2, ge=0, le=1)
    """Largest relative change of brightness."""
    contrast: float = Field(default=0.2, ge=0, le=1)
    """Largest relative change of contrast."""
    saturation: float = Field(default=0.2, ge=0, le=1)
    """Largest relative change of saturation."""


class TrainingSection(Section):
    """Defaults of training runs, and scenarios."""

    model_type: str = "cnn"
    """Model type: one of those that `retread train --help` lists, or your own as
    package.module:function."""
    optimizer_type: Literal["adam", "sgd", "adamw"] = "adam"
    """Optimizer (neural networks only)."""
    epochs: int = Field(default=10, ge=1, le=10_000)
    """Maximum number of epochs."""
    learning_rate: float = Field(default=0.001, gt=0, le=10)
    """Peak learning rate (neural networks only)."""
    batch_size: int = Field(default=32, ge=1, le=65_536)
    """Batch size (neural networks only)."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of the training split to train on, sampled with `seed`."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Random seed."""
    max_categories: int = Field(default=64, ge=2, le=10_000)
    """Number of categories of a column that a model of tables tells apart, the most frequent ones.
    All others count as one."""
    max_memory_gb: float = Field(default=0.0, ge=0)
    """Memory that a training may take. One that is estimated to take more is refused before it
    starts. 0: what is free on the machine."""
    refit: bool = False
    """Once a run meets the thresholds, train its recipe once more on the rows of all splits, and
    serve that model. Metrics, gate and comparison remain those of the model that was judged.
    Drift of embeddings is not watched then: those of another network mean something else."""
    pretrained: bool = False
    """Start from published weights if the model type has them and they can be downloaded."""
    augmentation: AugmentationSection = AugmentationSection()
    """Random variations of training photos."""
    scenario: str = ""
    """Scenario to run when retraining is triggered. Empty: a single run with the defaults
    above."""
    scenarios: dict[str, Scenario] = Field(default_factory=dict)
    """Scenarios by name."""
    parity_tolerance: float = Field(default=1e-3, gt=0)
    """Largest absolute difference allowed between the outputs of the exported model and those of
    the trained model."""


class StoppingRule(StrEnum):
    """When early stopping ends a run."""

    PATIENCE = "patience"
    FIRST_GOOD = "first-good"


class EarlyStoppingSection(Section):
    """When a run stops early, and what it must achieve for its model to be registered."""

    rule: StoppingRule = StoppingRule.PATIENCE
    """`patience`: stop after `patience` epochs without improvement. `first-good`: also stop at the
    first epoch that meets `min_loss` and `min_accuracy`."""
    patience: int = Field(default=5, ge=1)
    """Number of epochs without improvement after which a run stops."""
    delta: float = Field(default=0.0, ge=0)
    """Largest change that does not count as an improvement."""
    min_loss: float = Field(default=0.6, ge=0)
    """Highest validation loss with which a model is registered (early_stopping_min_loss). For
    regression, 1 - R2 is compared instead of the loss."""
    min_accuracy: float = Field(default=0.6, ge=0, le=1)
    """Lowest validation accuracy with which a model is registered
    (early_stopping_min_accuracy)."""

    @field_validator("rule", mode="before")
    @classmethod
    def _accept_original_name(cls, value: object) -> object:
        return StoppingRule.FIRST_GOOD.value if value == "seed" else value


class GateSection(Section):
    """What a candidate must achieve before it may serve."""

    metric: str = "Accuracy"
    """Metric the gate decides by; if it is not set, tabular-regression has R2. Also the default
    metric of `retread stage` and `retread promote`."""
    threshold: float = 0.6
    """Value the metric must reach on the evaluation split; for losses and errors, the value it
    must not exceed."""
    margin: float = Field(default=0.02, ge=0)
    """How much worse than production a candidate may be: relative to production's value for
    errors such as MAE, absolute for all other metrics."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """Confidence level of the paired comparison with production."""
    min_recall: float = Field(default=0.0, ge=0, le=1)
    """Lowest recall that each class must have on the evaluation split (classification)."""
    max_latency_ms: float = Field(default=200.0, gt=0)
    """Maximum 95th percentile of the latency of single predictions."""
    max_size_mb: float = Field(default=500.0, gt=0)
    """Maximum size of model.onnx."""
    require_clean_commit: bool = False
    """Reject models that were trained from uncommitted code."""
    extra_checks: tuple[str, ...] = ()
    """Gate checks of your own, each named as package.module:function."""
