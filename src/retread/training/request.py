"""Training requests, their outcomes, and the progress reported after each epoch."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from retread.bundle import Cause, Parameter


class TrainingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One training run.

    Attributes:
        key: Identity of the run. Requesting the same key twice runs it once.
        parent: Key of the scenario's MLflow run; None for a single run.
        scenario: Name of the scenario; None for a single run.
        any_size: Whether to train even if it is estimated to take more memory than is free.
    """

    key: str
    dataset: str
    dataset_version: int
    model_type: str
    optimizer_type: str
    epochs: int
    learning_rate: float
    batch_size: int
    sample: float
    seed: int
    cause: Cause
    parent: str | None = None
    scenario: str | None = None
    any_size: bool = False

    def __post_init__(self) -> None:
        # Requests stored by earlier versions have "" where there is no scenario.
        for name in ("parent", "scenario"):
            if getattr(self, name) == "":
                msgspec.structs.force_setattr(self, name, None)


class TrainingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a training run.

    Attributes:
        run_id: MLflow run id; "" if the run could not start.
        metrics: Validation metrics of the best epoch.
        bundle: Digest of the bundle; "" if the run produced none.
        reason: Why the run produced no bundle; "" if it produced one.
        notes: What users should know about how the run went, a sentence each.
        parameters: What the model became, such as its number of trees.
    """

    key: str
    run_id: str
    model_type: str
    metrics: dict[str, float]
    epochs: int
    seconds: float
    bundle: str
    reason: str
    notes: tuple[str, ...] = ()
    parameters: dict[str, Parameter] = {}


class EpochFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One finished epoch of the run `key`.

    Attributes:
        epoch: Number of the epoch, from 1.
        epochs: Maximum number of epochs of the run.
        metrics: Metrics on the validation split, by their declared names.
        learning_rate: Learning rate at its end; None for models that have none.
        kept: Whether this is the best epoch so far.
        seconds: Duration of the epoch.
    """

    key: str
    epoch: int
    epochs: int
    metrics: dict[str, float]
    learning_rate: float | None
    kept: bool
    seconds: float


class StopTraining(Exception):
    """Raised by the callback after an epoch: no more epochs are wanted, keep the best one."""

    def __init__(self) -> None:
        super().__init__("it was asked to stop")


EpochCallback = Callable[[EpochFinished], None]
"""A function that is called after each epoch. It may raise StopTraining."""


def encode_progress(progress: EpochFinished) -> bytes:
    """Encode an epoch as one line of JSON, with its line break."""
    return msgspec.json.encode(progress) + b"\n"


def decode_progress(line: bytes) -> EpochFinished:
    """Decode a line written by `encode_progress`."""
    return msgspec.json.decode(line, type=EpochFinished)
