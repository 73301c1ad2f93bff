"""A connection to MLflow's store, without its server."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from contextlib import AbstractContextManager, closing
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
VERSION_TAG = "retread.version"
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True)
class TrackingLocation:
    """Where MLflow stores runs and models.

    Attributes:
        url: The store, for MLflow.
        file: The store's SQLite file.
        artifacts: Folder of the artifacts.
        name: Name of the experiment and of the registered model.
    """

    url: str
    file: Path
    artifacts: Path
    name: str

    def lock(self) -> AbstractContextManager[None]:
        """Lock the store, so that one process at a time finds or creates something in it."""
        return folder_lock(self.artifacts)


def location_of(project: LoadedProject) -> TrackingLocation:
    """Return where the runs of a project are stored."""
    return TrackingLocation(
        url=project.tracking_url,
        file=project.home / "mlflow.db",
        artifacts=project.home / "mlartifacts",
        name=project.settings.project.name,
    )


def connect(location: TrackingLocation) -> Any:
    """Return an MlflowClient of the store, whose tables are created on first use.

    Raises:
        IntegrityBroken: The store's file is damaged.
    """
    _check_readable(location.file)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # MLflow uses what SQLAlchemy has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Before the lock: under it, runs that are started together would import MLflow, which
        # takes seconds, one after the other, and the first would end before the next begins.
        from mlflow.store.tracking import sqlalchemy_store  # noqa: F401  # what the client loads
        from mlflow.tracking import MlflowClient

        with location.lock():  # two processes must not create the tables at the same time
            client = MlflowClient(location.url, location.url)
            client.get_experiment_by_name(location.name)
    return client


def experiment_id(client: Any, location: TrackingLocation) -> str:
    """Return the id of the experiment, created on first use. The caller holds the lock."""
    found = client.get_experiment_by_name(location.name)
    if found is not None:
        return str(found.experiment_id)
    artifacts = location.artifacts
    artifacts.mkdir(parents=True, exist_ok=True)
    return str(client.create_experiment(location.name, artifact_location=artifacts.as_uri()))


def experiment_path(project: LoadedProject) -> str:
    """Return the path of the experiment's page in MLflow's UI; "" before the first run.

    Reads the store without MLflow, which takes seconds to import.
    """
    location = location_of(project)
    address = f"{location.file.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as store:
            query = "SELECT experiment_id FROM experiments WHERE name = ?"
            row = store.execute(query, (location.name,)).fetchone()
    except sqlite3.Error:
        return ""
    return f"/#/experiments/{row[0]}/runs" if row else ""


def _check_readable(file: Path) -> None:
    """Check a file that MLflow would retry for a minute if it is damaged."""
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if file.is_file():
            return  # locked by a writer, for which MLflow waits
        raise _broken(file, error) from error
    except sqlite3.DatabaseError as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: sqlite3.Error) -> IntegrityBroken:
    return IntegrityBroken(
        f"MLflow's database {file} cannot be read: {error}.",
        "Restore it from a backup, or move it away to start a new one.",
    )
