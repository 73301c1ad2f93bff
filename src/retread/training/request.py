"""What is asked of a training, and what comes of it."""

from __future__ import annotations

import msgspec

from retread.bundle import Cause


class TrainingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `key` is its identity: asked for twice, the run is done once.

    `parent` is the key of the scenario's MLflow run and `scenario` its name, '' for none.
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
    parent: str = ""
    scenario: str = ""


class TrainingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: `bundle` is its digest, or '' with the reason it left none.

    `metrics` are those of the best epoch on the validation split.
    """

    key: str
    run_id: str
    model_type: str
    metrics: dict[str, float]
    epochs: int
    seconds: float
    bundle: str
    reason: str
