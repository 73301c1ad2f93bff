"""A connection to MLflow's store, without its server."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retread.core import IntegrityBroken, folder_lock
from retread.project import LoadedProject

KEY_TAG = "retread.key"
KEY_DIGEST_TAG = "retread.key_digest"
PARENT_TAG = "mlflow.parentRunId"
SCENARIO_TAG = "retread.scenario"
BUNDLE_TAG = "retread.bundle"
REASON_TAG = "retread.reason"
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True)
class Place:
    """Where MLflow keeps things; `name` is that of its experiment and of its registered model."""

    url: str
    file: Path
    artifacts: Path
    name: str


def place_of(project: LoadedProject) -> Place:
    return Place(
        url=project.tracking_url,
        file=project.home / "mlflow.db",
        artifacts=project.home / "mlartifacts",
        name=project.settings.project.name,
    )


def connect(place: Place) -> Any:
    """An MlflowClient on the store, whose tables are made on first use; IntegrityBroken."""
    _check_readable(place.file)
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


def _check_readable(file: Path) -> None:
    """MLflow would ask a damaged file again and again, for a minute."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if file.is_file():
            return  # locked by a writer: MLflow waits for it
        raise _broken(file, error) from error
    except sqlite3.DatabaseError as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: sqlite3.Error) -> IntegrityBroken:
    return IntegrityBroken(
        f"MLflow's database {file} cannot be read: {error}.",
        "Restore it from a backup, or move it away to begin a new one.",
    )


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
    with folder_lock(place.artifacts):
        yield
