"""[data], [recipe], [training], [training.scenarios.NAME] and [early_stopping]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retread.project.sections.section import Section


class DataSection(Section):
    """Where examples come from and how they are split."""

    dataset: str = "data"
    """The dataset that is trained on when none is named."""
    source: str = ""
    """Folder or file that `retread data add` and the new-data trigger read; '' for none."""
    labels: str = "folder"
    """'folder' (class folders), a JSON label file, or a label or target column."""
    group: str = ""
    """Column or manifest field of examples that belong together; '' finds near-duplicates."""
    timestamp: str = ""
    """Column that says when a row happened; '' for none."""
    features: tuple[str, ...] = ()
    """Feature columns of a table; empty takes all but label, group and timestamp."""
    exclude: tuple[str, ...] = ()
    """Columns that are never features."""
    window_days: float = Field(default=0.0, ge=0)
    """Train only on rows this many days before the newest; 0 takes all."""
    validation_share: float = Field(default=0.15, gt=0, lt=0.5)
    """Share of groups that decides stopping and selection."""
    evaluation_share: float = Field(default=0.20, gt=0, lt=0.5)
    """Share of groups in the frozen evaluation split, which only the gate reads."""
    max_label_share: float = Field(default=0.98, gt=0.5, lt=1)
    """A version in which one label has more than this share stays in quarantine."""


class RecipeSection(Section):
    """What kind of task this is."""

    kind: str = "image-classification"
    """image-classification, tabular-classification, tabular-regression or package.module:Class."""
    positive_label: str = ""
    """Of two labels, the one whose precision and recall are reported; '' takes the last."""
    image_size: int = Field(default=256, ge=32, le=1024)
    """Images are resized to this many pixels in each direction."""


class ScenarioRun(Section):
    """One run of a scenario; what is left out comes from [training]."""

    model_type: str | None = None
    """Model type of this run."""
    optimizer_type: Literal["adam", "sgd", "adamw"] | None = None
    """Optimizer of this run."""
    epochs: int | None = Field(default=None, ge=1, le=10_000)
    """Epochs of this run."""
    learning_rate: float | None = Field(default=None, gt=0, le=10)
    """Learning rate of this run."""
    batch_size: int | None = Field(default=None, ge=1, le=65_536)
    """Batch size of this run."""


class Scenario(Section):
    """A named list of runs that one trigger starts."""

    runs: tuple[ScenarioRun, ...] = Field(min_length=1)
    """The runs; the best on validation goes to the gate."""


class TrainingSection(Section):
    """Defaults of every run."""

    model_type: str = "cnn"
    """Model type; `retread train --help` lists them."""
    optimizer_type: Literal["adam", "sgd", "adamw"] = "adam"
    """Optimizer of neural networks."""
    epochs: int = Field(default=10, ge=1, le=10_000)
    """Most epochs a run may take."""
    learning_rate: float = Field(default=0.001, gt=0, le=10)
    """Highest learning rate of a network's schedule; trees have their own."""
    batch_size: int = Field(default=32, ge=1, le=65_536)
    """Examples a step."""
    sample: float = Field(default=1.0, gt=0, le=1)
    """Share of the training split that is used, drawn with the seed."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seed of everything random in a run."""
    pretrained: bool = False
    """Start from published weights, where the model type has them and they can be fetched."""
    scenario: str = ""
    """Scenario that triggers start; '' for one run with these defaults."""
    scenarios: dict[str, Scenario] = Field(default_factory=dict)
    """Scenarios by name."""
    parity_tolerance: float = Field(default=1e-3, gt=0)
    """Largest difference allowed between the exported and the trained model's outputs."""


class EarlyStoppingSection(Section):
    """When a run ends before its last epoch, and what it must reach to leave a bundle."""

    rule: Literal["patience", "seed"] = "patience"
    """patience: go on until patience runs out; seed: also stop at the first good enough epoch."""
    patience: int = Field(default=5, ge=1)
    """Epochs without improvement before a run stops."""
    delta: float = Field(default=0.0, ge=0)
    """Change that does not count as improvement."""
    min_loss: float = Field(default=0.6, ge=0)
    """early_stopping_min_loss: validation loss at or under which a run may be registered; for
    regression 1 - R2 stands for the loss."""
    min_accuracy: float = Field(default=0.6, ge=0, le=1)
    """early_stopping_min_accuracy: validation accuracy from which a run may be registered."""
