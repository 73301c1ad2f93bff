"""The settings in retread.toml: every key has a type, a default and a description.

docs/settings.md and the JSON Schema are generated from the descriptions below.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Section(BaseModel):
    """Base class of all sections: frozen, without unknown keys or non-finite numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ProjectSection(Section):
    """Name and ports of the project."""

    name: str = Field(default="model", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    """Name of the model. It appears in URLs and messages."""
    tracking_port: int = Field(default=5000, ge=0, le=65_535)
    """Port of the MLflow UI."""
    control_port: int = Field(default=5002, ge=0, le=65_535)
    """Port of the control API and the status page."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/]+\S*)?$")
    """Address under which others reach the status page, such as https://retread.example.com behind
    a proxy. Links in messages lead there. Empty: the address on this machine."""


class ColumnType(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    TIME = "time"
    IGNORE = "ignore"


class ColumnSection(Section):
    """How one column of a table is read. A text instead of a table is its `type`."""

    type: ColumnType | None = None
    """`number`, `category`, `boolean`, `time`, or `ignore` to leave the column out. Not given:
    decided from the values."""
    decimal: str = Field(default="", pattern=r"^[.,]?$")
    """Decimal separator of numbers. Empty: found out."""
    thousands: str = Field(default="", pattern=r"^[., '\u00a0]?$")
    """Separator of thousands. Empty: none, or found out if `decimal` is empty too."""
    missing: tuple[str, ...] | None = None
    """Texts that stand for a missing value, such as `["?", "-"]`. Empty cells always do. Not
    given: NA, N/A, NaN, null and the like."""
    format: str = ""
    """How times are written, such as `%d/%m/%Y %H:%M`. Empty: found out."""
    unit: Literal["", "s", "ms", "us", "ns"] = ""
    """Unit of times that are numbers, counted from 1970. Empty: found out."""
    zone: str = ""
    """Zone of times that name none, such as `Europe/Berlin`. Empty: UTC."""

    @model_validator(mode="before")
    @classmethod
    def _accept_type(cls, value: object) -> object:
        if isinstance(value, str):
            return {"type": value}
        missing = value.get("missing") if isinstance(value, dict) else None
        # What a validator returns is no longer JSON, where a list would do for a tuple.
        return {**value, "missing": tuple(missing)} if isinstance(missing, list) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"enum": [*ColumnType]}, handler(schema)]}


class Unreadable(StrEnum):
    """What becomes of a version with cells that cannot be read."""

    QUARANTINE = "quarantine"
    MISSING = "missing"
    REFUSE = "refuse"


class CheckAction(StrEnum):
    """What a finding of a check of a dataset version leads to."""

    TELL = "tell"
    QUARANTINE = "quarantine"
    REFUSE = "refuse"


class DataSection(Section):
    """Where examples come from and how they are split."""

    dataset: str = "data"
    """Dataset to train on by default."""
    source: str = ""
    """Folder or file to read new data from. Empty: there is none."""
    labels: str = "folder"
    """Where the labels are: `folder` (one folder per class), a label file (.json, .jsonl, .csv,
    .tsv or .txt), or the name of the label or target column."""
    group: str = ""
    """Column or manifest field whose values keep related examples in the same split. Empty: group
    near-duplicates."""
    timestamp: str = ""
    """Column with the time of each row. Empty: rows have no time."""
    features: tuple[str, ...] = ()
    """Feature columns of a table. Empty: all columns except label, group and timestamp."""
    exclude: tuple[str, ...] = ()
    """Columns that must not be used as features."""
    columns: dict[str, ColumnSection] = Field(default_factory=dict)
    """How columns of a table are read, by name: a type, or a table with `type`, `decimal`,
    `thousands`, `missing`, `format`, `unit` and `zone`. Other columns are decided from their
    values."""
    unreadable: Unreadable = Unreadable.QUARANTINE
    """What to do about cells that are not what the rest of their column is: `quarantine` the
    version, count them as `missing`, or `refuse` the file."""
    encoding: str = ""
    """Encoding of text files. Empty: found out."""
    delimiter: str = Field(default="", max_length=1)
    """What separates the cells of text files. Empty: found out."""
    sheet: str = ""
    """Sheet of an Excel file. Empty: the first one."""
    split: str = ""
    """How rows are assigned to splits: `time` (evaluation the newest rows, validation before it),
    `random`, `group` (as `group` says), `folder` (train, valid and test folders above the class
    folders), or the name of a column with the words train, validation and test. Empty: chosen by
    the data, `time` where `timestamp` is set; `retread data add` says what was chosen."""
    window_days: float = Field(default=0.0, ge=0)
    """Train only on the rows of this many days up to the newest row that is not in the future.
    0: all rows."""
    validation_share: float = Field(default=0.15, gt=0, lt=0.5)
    """Share of rows or groups in the validation split, which is used for early stopping and model
    selection."""
    evaluation_share: float = Field(default=0.20, gt=0, lt=0.5)
    """Share of rows or groups in the evaluation split, which is frozen and only read by the
    gate."""
    max_label_share: float = Field(default=0.98, gt=0.5, lt=1)
    """Largest share of examples that may have the same label. Above it, a dataset version is
    quarantined."""
    max_relabelled_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of existing rows whose label may be another one in the next version. Above it,
    the version is quarantined."""
    checks: dict[str, CheckAction] = Field(default_factory=dict)
    """What happens when a check of a dataset version finds something, by name of the check:
    `tell`, `quarantine` or `refuse` (add no version)."""
    follow_links: bool = False
    """Follow links in an image folder, also those that lead out of it; the version holds the bytes
    of their targets."""
    max_unreadable_share: float = Field(default=0.02, ge=0, lt=1)
    """Largest share of images that may be unreadable: they are left out and named. Above it, a
    dataset version is quarantined."""
    image_depth: int = Field(default=16, ge=8, le=16)
    """Number of bits that greyscale images with 16 bits use: 10 or 12 for many industrial cameras.
    Training and serving read the upper 8 of them."""
    image_background: str = Field(default="#ffffff", pattern=r"^#[0-9a-fA-F]{6}$")
    """Colour on which transparent images are laid, in training and serving, as #rrggbb."""
    extra_sources: tuple[str, ...] = ()
    """Data sources of your own, each named as package.module:Class."""


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
    serve that model. Metrics, gate and comparison remain those of the model that was judged."""
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


class ServingSection(Section):
    """The inference server."""

    host: str = "127.0.0.1"
    """Address to listen on. Only loopback addresses are allowed, because there is no access
    control."""
    port: int = Field(default=5001, ge=0, le=65_535)
    """Port of the inference API (Open Inference Protocol, REST)."""
    hosts: tuple[str, ...] = ()
    """Names by which clients may address the server besides localhost and loopback addresses, such
    as that of a reverse proxy. A request with another Host gets HTTP 403."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes."""
    inline_below_ms: float = Field(default=0.3, ge=0)
    """Latency below which a model runs on the event loop, in batches, instead of in the thread
    pool."""
    max_body_mb: float = Field(default=16.0, gt=0)
    """Maximum size of a request body. Larger requests get HTTP 413."""
    max_rows: int = Field(default=100_000, ge=1)
    """Maximum number of rows of a request. Larger requests get HTTP 413. All requests together may
    have four times as many; further large requests get HTTP 503."""
    max_pending: int = Field(default=1024, ge=1)
    """Maximum number of requests that wait for a model. Further requests get HTTP 503."""
    record: bool = True
    """Record every prediction, outside the request path."""
    record_rows: int = Field(default=1000, ge=1)
    """Maximum number of rows of one request that are recorded. Of a larger request, an even sample
    of this size is, and each record says of how many rows it is a sample."""
    record_payloads: bool = True
    """Keep the images of requests, so that they can become training data once they are
    labelled."""
    record_queue: int = Field(default=65_536, ge=1)
    """Maximum number of records that wait to be written. Further records are dropped and
    counted."""
    acknowledge_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds that a promotion waits for all live servers to switch before it is reverted."""


class CanarySection(Section):
    """How a candidate is tested on live traffic before it is promoted."""

    enabled: bool = True
    """Run a canary. If false, a candidate that passes the gate is promoted at once."""
    steps: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Share of routing keys served by the canary in each step."""
    min_requests: int = Field(default=50, ge=1)
    """Minimum number of paired requests before a step can succeed."""
    min_labels: int = Field(default=30, ge=0)
    """Minimum number of paired labels before the last step can succeed. 0: decide without
    labels."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Probability of promoting a candidate that is worse by more than `margin`, however often the
    evidence is examined."""
    margin: float = Field(default=0.1, ge=0)
    """How much worse than production a candidate may be on labelled traffic: difference in error
    rate for classification, relative to production's error for regression."""
    max_error_rate: float = Field(default=0.02, gt=0, lt=1)
    """Share of failed or non-finite predictions above which a canary is rolled back."""
    max_latency_ratio: float = Field(default=3.0, gt=1)
    """Median ratio of the canary's latency to production's above which a canary is rolled back."""
    max_disagreement: float = Field(default=0.6, gt=0, le=1)
    """Share of predictions that differ from production's above which a canary is rolled back."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """Seconds after which a step without a clear result is rolled back."""


class MonitoringSection(Section):
    """What is monitored and when an alarm is raised."""

    window: int = Field(default=100, ge=10)
    """Number of records per window."""
    interval_s: float = Field(default=5.0, gt=0)
    """Seconds between two checks for new records."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Probability that traffic without drift ever raises a drift alarm, however long it is
    monitored."""
    min_effect: float = Field(default=0.2, ge=0)
    """Minimum effect size for an alarm (population stability index of a stream)."""
    detectors: tuple[str, ...] = ("conformal",)
    """Drift detectors to run: modules in retread/monitoring/detectors, or your own as
    package.module:Class."""
    degradation_margin: float = Field(default=0.1, gt=0)
    """Drop of the gate's metric on labelled traffic that raises an alarm: relative for errors,
    absolute for all other metrics."""
    min_labels: int = Field(default=50, ge=1)
    """Minimum number of labelled records before performance is evaluated."""
    repeat_s: float = Field(default=86_400.0, ge=0)
    """Seconds after which an alarm that persists is raised again for the same version."""
    keep_days: float = Field(default=30.0, gt=0)
    """Age in days at which recorded traffic is deleted."""


class TriggersSection(Section):
    """What may trigger a retraining, and how often."""

    kinds: tuple[str, ...] = ("manual", "new-data", "drift", "degradation", "schedule", "commit")
    """Accepted triggers. All others are recorded and refused."""
    cooldown_s: float = Field(default=600.0, ge=0)
    """Minimum number of seconds between two automatic retrainings."""
    daily_budget: int = Field(default=10, ge=0)
    """Maximum number of retrainings in 24 hours. Further triggers are held and can be started
    manually."""
    schedule: str = ""
    """Cron expression for scheduled retrainings, in UTC. Empty: no schedule."""
    watch_source: bool = False
    """Add a dataset version whenever `[data]` `source` changes. If there is a production version,
    this also triggers a retraining."""
    label_wait_s: float = Field(default=0.0, ge=0)
    """Seconds that a retraining caused by traffic waits for labels of that traffic."""
    min_labelled: int = Field(default=50, ge=0)
    """Minimum number of labelled records for a new dataset version from recorded traffic."""


class SlackSection(Section):
    """Notifications to Slack through an incoming webhook.

    The URL of the webhook is read from RETREAD_SLACK_WEBHOOK or from a file.
    """

    enabled: bool = True
    """Send notifications if a webhook URL is configured."""
    webhook_file: str = ""
    """File that contains the webhook URL. Empty: use RETREAD_SLACK_WEBHOOK only."""
    timeout_s: float = Field(default=5.0, gt=0)
    """Timeout of one delivery in seconds."""


class NotifySection(Section):
    """Notifications."""

    slack: SlackSection = SlackSection()
    """Slack."""
    extra_notifiers: tuple[Annotated[str, Field(max_length=63)], ...] = ()
    """Notifiers of your own, each named as package.module:Class."""


class StorageSection(Section):
    """Where datasets and bundles are stored."""

    datasets: str = ""
    """Folder of the dataset tables. Empty: `datasets` in RETREAD_HOME."""
    bundles: str = ""
    """Folder of the model bundles. Empty: `bundles` in RETREAD_HOME."""


class DatabaseSection(Section):
    """Where the ledger, the outbox and the labels are stored."""

    url: str = ""
    """SQLAlchemy URL of a SQLite or PostgreSQL database. Empty: SQLite in RETREAD_HOME."""


class ComputeSection(Section):
    """Where training runs."""

    kind: Literal["process"] = "process"
    """`process`: a child process on this machine."""
    parallel_runs: int = Field(default=2, ge=1, le=64)
    """Maximum number of runs of a scenario that are trained in parallel."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device for neural networks."""


class AuthSection(Section):
    """Access control."""

    require_loopback: Literal[True] = True
    """Refuse to listen on addresses that other machines can reach."""


class Settings(Section):
    """All settings of a project."""

    project: ProjectSection = ProjectSection()
    """Name and ports."""
    data: DataSection = DataSection()
    """Source, columns and splits."""
    recipe: RecipeSection = RecipeSection()
    """Kind of task."""
    training: TrainingSection = TrainingSection()
    """Defaults of training runs, and scenarios."""
    early_stopping: EarlyStoppingSection = EarlyStoppingSection()
    """When a run stops, and what it must achieve."""
    gate: GateSection = GateSection()
    """What a candidate must achieve."""
    serving: ServingSection = ServingSection()
    """Inference server."""
    canary: CanarySection = CanarySection()
    """Test on live traffic."""
    monitoring: MonitoringSection = MonitoringSection()
    """Windows, detectors and alarms."""
    triggers: TriggersSection = TriggersSection()
    """Triggers, cooldown and budget of retrainings."""
    notify: NotifySection = NotifySection()
    """Notifications."""
    storage: StorageSection = StorageSection()
    """Folders of datasets and bundles."""
    database: DatabaseSection = DatabaseSection()
    """Database URL."""
    compute: ComputeSection = ComputeSection()
    """Where training runs."""
    auth: AuthSection = AuthSection()
    """Access control."""
