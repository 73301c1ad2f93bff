"""What a training process is told, and what it leaves: files in one folder a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from retread.core import Conflict, digest_bytes, write_atomically
from retread.project import LoadedProject, parse_settings
from retread.training.request import TrainingOutcome, TrainingRequest

ORDER = "order.json"
OUTCOME = "outcome.json"
FAILURE = "failure.json"


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the process needs: the request, and the project as it was when asked for.

    `created_at` is the time of the first attempt, so that a second one makes the same bundle.
    """

    request: TrainingRequest
    created_at: str
    root: str
    home: str
    settings: dict[str, Any]

    @property
    def project(self) -> LoadedProject:
        settings = parse_settings(self.settings, source="the order of a training")
        return LoadedProject(root=Path(self.root), home=Path(self.home), settings=settings)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a process gave up, in the terms of the error tree."""

    code: str
    message: str
    hint: str


def folder_of(project: LoadedProject, key: str) -> Path:
    """The folder of a key: order, lock and outcome of its run."""
    name = digest_bytes(key.encode()).removeprefix("sha256:")[:32]
    return project.home / "run" / "training" / name


def place_order(folder: Path, order: TrainingJob) -> TrainingJob:
    """Write the order, or return the one that was placed for this key before.

    Raises Conflict when that asked for something else.
    """
    path = folder / ORDER
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        earlier = msgspec.json.decode(path.read_bytes(), type=TrainingJob)
        if earlier.request != order.request:
            raise Conflict(
                f"The key {order.request.key!r} belongs to another training request.",
                "Use a new key for a new run.",
            )
        return earlier
    write_atomically(path, msgspec.json.encode(order))
    return order


def read_order(folder: Path) -> TrainingJob:
    return msgspec.json.decode((folder / ORDER).read_bytes(), type=TrainingJob)


def read_outcome(folder: Path) -> TrainingOutcome | None:
    """The outcome, if the run came to its end."""
    path = folder / OUTCOME
    if not path.is_file():
        return None
    return msgspec.json.decode(path.read_bytes(), type=TrainingOutcome)


def write_outcome(folder: Path, outcome: TrainingOutcome) -> None:
    write_atomically(folder / OUTCOME, msgspec.json.encode(outcome))


def read_failure(folder: Path) -> Failure | None:
    path = folder / FAILURE
    return msgspec.json.decode(path.read_bytes(), type=Failure) if path.is_file() else None


def write_failure(folder: Path, failure: Failure) -> None:
    write_atomically(folder / FAILURE, msgspec.json.encode(failure))
