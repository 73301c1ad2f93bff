"""Training in a child process of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from retread.core import (
    Clock,
    Conflict,
    Inconclusive,
    IntegrityBroken,
    InvalidInput,
    NotFound,
    Refused,
    RetreadError,
    SystemClock,
    Unavailable,
    digest_bytes,
    short,
)
from retread.project import LoadedProject
from retread.training.order import (
    FAILURE,
    Failure,
    TrainingJob,
    folder_of,
    place_order,
    read_failure,
    read_outcome,
)
from retread.training.progress import Report, decode_progress
from retread.training.request import TrainingOutcome, TrainingRequest

_TAIL = 2_000
_LAST_WORDS_S = 10.0
# Errors with a constructor of their own come back as the kind they are a case of.
_KINDS: dict[str, type[RetreadError]] = {
    "unknown_option": InvalidInput,
    "invalid_settings": InvalidInput,
    **{
        kind.code: kind
        for kind in (InvalidInput, NotFound, Conflict, Refused, Inconclusive, IntegrityBroken)
    },
    "unavailable": Unavailable,
}


class Compute(Protocol):
    """Does a training request once, however often it is asked for."""

    def train(self, request: TrainingRequest, on_line: Report) -> TrainingOutcome:
        """The outcome; `on_line` is called with each epoch. Raises what stopped the run."""
        ...

    def cancel(self) -> None:
        """Stop every run under way; whoever waits for one gets Unavailable."""
        ...


class ProcessCompute:
    """One child process a run, which dies with this one.

    A key that is finished returns its stored outcome; one that was interrupted starts over under
    the same MLflow run. Nothing can be seen of a run before its bundle is stored.
    """

    def __init__(self, project: LoadedProject, clock: Clock | None = None) -> None:
        self._project = project
        self._clock = clock or SystemClock()
        self._under_way: set[subprocess.Popen[bytes]] = set()

    def train(self, request: TrainingRequest, on_line: Report = lambda _: None) -> TrainingOutcome:
        folder = folder_of(self._project, request.key)
        place_order(folder, self._order(request))
        outcome = read_outcome(folder)
        if outcome is not None:
            return outcome
        (folder / FAILURE).unlink(missing_ok=True)
        log = self._log(request)
        with child(folder, log) as process:
            self._under_way.add(process)
            try:
                assert process.stdout is not None, "it was asked for as a pipe"
                for line in process.stdout:
                    on_line(decode_progress(line))
                status = process.wait()
            finally:
                self._under_way.discard(process)
        outcome = read_outcome(folder)
        if outcome is None:
            raise explained(read_failure(folder), status, log)
        return outcome

    def cancel(self) -> None:
        for process in tuple(self._under_way):
            stop(process)

    def _order(self, request: TrainingRequest) -> TrainingJob:
        return TrainingJob(
            request=request,
            created_at=self._clock.now().isoformat(),
            root=str(self._project.root),
            home=str(self._project.home),
            settings=self._project.settings.model_dump(mode="json"),
        )

    def _log(self, request: TrainingRequest) -> Path:
        self._project.logs.mkdir(parents=True, exist_ok=True)
        name = short(digest_bytes(request.key.encode()))
        return self._project.logs / f"training-{name}.log"


@contextmanager
def child(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A training process; it is stopped when the block ends before it does."""
    command = [sys.executable, "-m", "retread.training.worker", str(folder)]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(),
            start_new_session=True,
        )
    try:
        with process:
            try:
                yield process
            finally:
                stop(process)
    finally:
        process.wait()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a training: first by closing its stdin, which lets it record that it was interrupted."""
    assert process.stdin is not None, "it was asked for as a pipe"
    process.stdin.close()
    try:
        process.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        process.kill()


def environment() -> dict[str, str]:
    """Ours, with the processor's cores for arithmetic and no telemetry."""
    defaults = {
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        # Threads that spin while they wait take the cores from the server beside them.
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    return {**defaults, **os.environ}


def explained(failure: Failure | None, status: int, log: Path) -> RetreadError:
    """The error that ended a child, as it was raised there."""
    if failure is not None:
        kind = _KINDS.get(failure.code, RetreadError)
        return kind(failure.message, failure.hint or f"See {log}.")
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    last = log.read_bytes()[-_TAIL:].decode(errors="replace").strip().splitlines()
    said = f" Its last words: {last[-1]}" if last else ""
    return Unavailable(
        f"The training process {how} and left no outcome.{said}",
        f"See {log}; asking for the same run again starts it over.",
    )
