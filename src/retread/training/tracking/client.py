"""A connection to MLflow's store, without its server."""

from __future__ import annotations

import fcntl
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retread.project import Project

KEY_TAG = "retread.key"
KEY_DIGEST_TAG = "retread.key_digest"
PARENT_TAG = "mlflow.parentRunId"
BUNDLE_TAG = "retread.bundle"
REASON_TAG = "retread.reason"
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True)
class Place:
    """Where MLflow keeps things; `name` is that of its experiment and of its registered model."""

    url: str
    artifacts: Path
    lock: Path
    name: str


def place_of(project: Project) -> Place:
    return Place(
        url=project.tracking_url,
        artifacts=project.home / "mlartifacts",
        lock=project.home / "mlflow.lock",
        name=project.settings.project.name,
    )


def connect(place: Place) -> Any:
    """An MlflowClient on the store, whose tables are made on first use."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The lock: two processes that both make the tables would trip over one another.
    with warnings.catch_warnings(), locked(place):
        # MLflow's own use of what SQLAlchemy deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        from mlflow.tracking import MlflowClient

        client = MlflowClient(place.url, place.url)
        client.get_experiment_by_name(place.name)
    return client


def experiment(client: Any, place: Place) -> str:
    """The id of the project's experiment, made on first use; the caller holds the lock."""
    found = client.get_experiment_by_name(place.name)
    if found is not None:
        return str(found.experiment_id)
    place.artifacts.mkdir(parents=True, exist_ok=True)
    return str(client.create_experiment(place.name, artifact_location=place.artifacts.as_uri()))


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Find-or-make steps of several processes, one at a time; a killed holder lets go."""
    place.lock.parent.mkdir(parents=True, exist_ok=True)
    with place.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
