"""Training jobs: the files through which a training process gets its work and returns its result.

Each key has one folder. It holds the job, and later its outcome or its failure.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from retread.core import Conflict, digest_bytes, write_atomically
from retread.project import LoadedProject, parse_settings
from retread.training.request import TrainingOutcome, TrainingRequest

# The name that jobs of earlier versions were stored under.
JOB = "order.json"
OUTCOME = "outcome.json"
FAILURE = "failure.json"


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a training process needs.

    Attributes:
        created_at: Time of the first attempt, so that a second attempt makes the same bundle.
        root: The project's folder.
        home: The folder of the project's state.
        settings: The project's settings when the job was submitted.
    """

    request: TrainingRequest
    created_at: datetime
    root: str
    home: str
    settings: dict[str, Any]

    @property
    def project(self) -> LoadedProject:
        """The project, with the settings of the job."""
        settings = parse_settings(self.settings, source="the settings of a training job")
        return LoadedProject(root=Path(self.root), home=Path(self.home), settings=settings)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a training process failed: the parts of its RetreadError.

    Attributes:
        is_foreign: Code of the user or of a library raised it, so its traceback says more.
    """

    code: str
    message: str
    hint: str
    is_foreign: bool = False


def job_folder(project: LoadedProject, key: str) -> Path:
    """Return the folder of a key: its job, its lock and its result."""
    name = digest_bytes(key.encode()).removeprefix("sha256:")[:32]
    return project.home / "run" / "training" / name


def submit_job(folder: Path, job: TrainingJob) -> TrainingJob:
    """Store a job, or return the job that was stored for this key before.

    Raises:
        Conflict: The stored job is for a different request.
    """
    path = folder / JOB
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        earlier = read_job(folder)
        if earlier.request != job.request:
            raise Conflict(
                f"The key {job.request.key!r} belongs to another training request.",
                "Use a new key for a new run.",
            )
        return earlier
    write_atomically(path, msgspec.json.encode(job))
    return job


def read_job(folder: Path) -> TrainingJob:
    """Read the job of a folder."""
    return msgspec.json.decode((folder / JOB).read_bytes(), type=TrainingJob)


def read_outcome(folder: Path) -> TrainingOutcome | None:
    """Read the outcome; None if the run has not finished."""
    path = folder / OUTCOME
    return msgspec.json.decode(path.read_bytes(), type=TrainingOutcome) if path.is_file() else None


def write_outcome(folder: Path, outcome: TrainingOutcome) -> None:
    """Store the outcome of a run that finished."""
    write_atomically(folder / OUTCOME, msgspec.json.encode(outcome))


def read_failure(folder: Path) -> Failure | None:
    """Read the failure; None if the run has not failed."""
    path = folder / FAILURE
    return msgspec.json.decode(path.read_bytes(), type=Failure) if path.is_file() else None


def write_failure(folder: Path, failure: Failure) -> None:
    """Store the failure of a run."""
    write_atomically(folder / FAILURE, msgspec.json.encode(failure))
