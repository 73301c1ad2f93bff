"""The settings in retread.toml: every key has a type, a default and a description.

docs/settings.md and the JSON Schema are generated from the descriptions below.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Frozen; unknown keys and numbers that are not finite are mistakes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ProjectSection(Section):
    """Who this is."""

    name: str = Field(default="model", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Name of the model; it stands in addresses and messages."""
    tracking_port: int = Field(default=5000, ge=0, le=65_535)
    """Port of the MLflow UI."""
    control_port: int = Field(default=5002, ge=0, le=65_535)
    """Port of the control API and the status page."""


class StorageSection(Section):
    """Where datasets and bundles are kept."""

    datasets: str = ""
    """Folder of the Lance tables; '' is `datasets` in RETREAD_HOME."""
    bundles: str = ""
    """Folder of the bundles; '' is `bundles` in RETREAD_HOME."""


class DatabaseSection(Section):
    """Where ledger, outbox and labels are kept."""

    url: str = ""
    """SQLAlchemy address; '' is SQLite in RETREAD_HOME."""


class ComputeSection(Section):
    """Where training runs."""

    kind: Literal["process"] = "process"
    """process: a child process on this machine."""
    parallel_runs: int = Field(default=2, ge=1, le=64)
    """Runs of a scenario that are trained at the same time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device of neural networks."""


class AuthSection(Section):
    """Access control."""

    require_loopback: Literal[True] = True
    """Servers refuse to listen beyond this machine."""


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


class GateSection(Section):
    """What a candidate must show before it may serve."""

    metric: str = "Accuracy"
    """Metric that decides; also the default of `stage` and `produce`."""
    threshold: float = 0.6
    """Value the metric must reach on the evaluation split (for losses and errors: not exceed)."""
    margin: float = Field(default=0.02, ge=0)
    """How much worse than production a candidate may be; a share of production's value for
    errors such as MAE, absolute otherwise."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """Confidence of the paired comparison."""
    max_latency_ms: float = Field(default=200.0, gt=0)
    """Budget of the 95th percentile of single-example latency."""
    max_size_mb: float = Field(default=500.0, gt=0)
    """Budget of model.onnx."""
    require_clean_commit: bool = False
    """Refuse models trained from uncommitted code."""


class ServingSection(Section):
    """The server on :5001."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback only, until access control is set up."""
    port: int = Field(default=5001, ge=0, le=65_535)
    """Port of the Open Inference Protocol."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer."""
    inline_below_ms: float = Field(default=0.3, ge=0)
    """Models faster than this answer on the event loop, batched by its ticks."""
    max_body_mb: float = Field(default=16.0, gt=0)
    """Larger requests get 413."""
    max_pending: int = Field(default=1024, ge=1)
    """Requests waiting for a model before new ones get 503."""
    record: bool = True
    """Log every answer, off the request path."""
    record_payloads: bool = True
    """Keep image bodies, so that late labels can turn traffic into training data."""
    record_queue: int = Field(default=65_536, ge=1)
    """Records waiting to be written before they are dropped, and counted."""
    acknowledge_timeout_s: float = Field(default=30.0, gt=0)
    """How long a promotion waits for every live server before it is reverted."""


class CanarySection(Section):
    """How a candidate is tried on traffic."""

    enabled: bool = True
    """Off: a candidate that passed the gate is promoted at once."""
    steps: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Share of routing keys the canary answers, step by step."""
    min_requests: int = Field(default=50, ge=1)
    """Paired requests before a step can end well."""
    min_labels: int = Field(default=30, ge=0)
    """Paired labels before the last step can end well; 0 judges without labels."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of promoting a candidate that is worse by more than the margin, whenever looked at."""
    margin: float = Field(default=0.1, ge=0)
    """How much worse on labelled traffic a candidate may be (share of wrong answers; for
    regression, share of production's error)."""
    max_error_rate: float = Field(default=0.02, gt=0, lt=1)
    """Share of failed or non-finite answers over which a canary is rolled back."""
    max_latency_ratio: float = Field(default=3.0, gt=1)
    """Median latency against production's over which a canary is rolled back."""
    max_disagreement: float = Field(default=0.6, gt=0, le=1)
    """Share of answers unlike production's over which a canary is rolled back."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """A step that stays inconclusive goes back to production after this long."""


class MonitoringSection(Section):
    """What is watched, and when it is an alarm."""

    window: int = Field(default=100, ge=10)
    """Records in a window."""
    interval_s: float = Field(default=5.0, gt=0)
    """How often new records are looked at."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance that quiet traffic ever raises a drift alarm, however long it is watched."""
    min_effect: float = Field(default=0.2, ge=0)
    """Effect size (population stability index of a stream) under which nobody is woken."""
    detectors: tuple[str, ...] = ("conformal",)
    """Detectors in use, by file name in retread/monitoring/detectors or package.module:Class."""
    degradation_margin: float = Field(default=0.1, gt=0)
    """Drop of the gate's metric on labelled traffic that is an alarm; a share for errors."""
    min_labels: int = Field(default=50, ge=1)
    """Labelled records before performance is judged."""
    repeat_s: float = Field(default=86_400.0, ge=0)
    """Seconds before an alarm that is still there is raised again for the same version."""
    keep_days: float = Field(default=30.0, gt=0)
    """Age at which recorded traffic is deleted."""


class TriggersSection(Section):
    """What may ask for retraining, and how often."""

    kinds: tuple[str, ...] = ("manual", "new-data", "drift", "degradation", "schedule", "commit")
    """Causes that are answered; others are recorded and refused."""
    cooldown_s: float = Field(default=600.0, ge=0)
    """Seconds between two retrainings that nobody asked for by hand."""
    daily_budget: int = Field(default=10, ge=0)
    """Retrainings in 24 hours; beyond it triggers are held for a person."""
    schedule: str = ""
    """Cron expression of the schedule trigger, in UTC; '' for none."""
    watch_source: bool = False
    """Add a dataset version when [data] source changes; beside a production it is trained on."""
    label_wait_s: float = Field(default=0.0, ge=0)
    """How long a retraining caused by traffic waits for labels of that traffic."""
    min_labelled: int = Field(default=50, ge=0)
    """Labelled records that make recorded traffic a new dataset version."""


class SlackSection(Section):
    """Messages to Slack; the webhook's address comes from RETREAD_SLACK_WEBHOOK or a file."""

    enabled: bool = True
    """Send messages when an address is known."""
    webhook_file: str = ""
    """File that holds the webhook's address."""
    timeout_s: float = Field(default=5.0, gt=0)
    """How long one delivery may take."""


class NotifySection(Section):
    """Who is told."""

    slack: SlackSection = SlackSection()
    """Slack, by incoming webhook."""


class Settings(Section):
    """All settings of a project."""

    project: ProjectSection = ProjectSection()
    """Name and ports."""
    data: DataSection = DataSection()
    """Source, columns and splits."""
    recipe: RecipeSection = RecipeSection()
    """Kind of task."""
    training: TrainingSection = TrainingSection()
    """Defaults of a run, and scenarios."""
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    """When a run stops, and what it must reach."""
    gate: GateSection = GateSection()
    """What a candidate must pass."""
    serving: ServingSection = ServingSection()
    """The server."""
    canary: CanarySection = CanarySection()
    """The trial on traffic."""
    monitoring: MonitoringSection = MonitoringSection()
    """Windows, detectors, alarms."""
    triggers: TriggersSection = TriggersSection()
    """Retraining: causes, cooldown, budget."""
    notify: NotifySection = NotifySection()
    """Messages."""
    storage: StorageSection = StorageSection()
    """Places of datasets and bundles."""
    database: DatabaseSection = DatabaseSection()
    """Address of the database."""
    compute: ComputeSection = ComputeSection()
    """Where training runs."""
    auth: AuthSection = AuthSection()
    """Access control."""
