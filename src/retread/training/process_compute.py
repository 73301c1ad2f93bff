"""Training in a child process on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retread.core import (
    Clock,
    Conflict,
    Inconclusive,
    IntegrityBroken,
    InvalidInput,
    NotFound,
    Refused,
    RetreadError,
    StorageFailed,
    SystemClock,
    Unavailable,
    digest_bytes,
    short,
)
from retread.core.files import PRIVATE_UMASK
from retread.project import LoadedProject
from retread.training.job import (
    FAILURE,
    Failure,
    TrainingJob,
    job_folder,
    read_failure,
    read_outcome,
    submit_job,
)
from retread.training.request import (
    EpochCallback,
    TrainingOutcome,
    TrainingRequest,
    decode_progress,
)

_LOG_TAIL_BYTES = 2_000
_LOG_LINES = 3
_ADVICE: dict[int, str] = {
    signal.SIGKILL: "Use a smaller --sample, another model type, or a machine with more memory. "
}
_GRACE_S = 10.0
# Errors with a constructor of their own are raised again as the class they derive from.
_ERRORS: dict[str, type[RetreadError]] = {
    "unknown_option": InvalidInput,
    "invalid_settings": InvalidInput,
    **{
        kind.code: kind
        for kind in (
            InvalidInput,
            NotFound,
            Conflict,
            Refused,
            Inconclusive,
            IntegrityBroken,
            StorageFailed,
            Unavailable,
        )
    },
}


class ProcessCompute:
    """Trains each run in a child process, which ends with this process.

    A key that has finished returns its stored outcome; one that was interrupted starts over under
    the same MLflow run. A run has no visible effect before its bundle is stored.
    """

    def __init__(self, project: LoadedProject, clock: Clock | None = None) -> None:
        self._project = project
        self._clock = clock or SystemClock()
        self._active: set[subprocess.Popen[bytes]] = set()
        self._reported: set[subprocess.Popen[bytes]] = set()
        self._ending = False

    def train(
        self, request: TrainingRequest, on_epoch: EpochCallback = lambda _: None
    ) -> TrainingOutcome:
        """Train a request and return its outcome.

        Args:
            on_epoch: Called after each epoch.

        Raises:
            Conflict: The key belongs to a different request.
            Unavailable: The process was killed or cancelled.
            RetreadError: The error that stopped the run.
        """
        folder = job_folder(self._project, request.key)
        submit_job(folder, self._job(request))
        outcome = read_outcome(folder)
        if outcome is not None:
            return outcome
        if self._is_ending():
            raise _stopped()
        (folder / FAILURE).unlink(missing_ok=True)
        log = self._log(request)
        with _child(folder, log) as process:
            self._active.add(process)
            try:
                assert process.stdout is not None, "stdout is a pipe"
                for line in process.stdout:
                    self._reported.add(process)
                    on_epoch(decode_progress(line))
                status = process.wait()
            finally:
                self._active.discard(process)
                self._reported.discard(process)
        outcome = read_outcome(folder)
        if outcome is not None:
            return outcome
        failure = read_failure(folder)
        if self._is_ending() and failure is None:
            raise _stopped()
        raise _error_of(failure, status, log)

    def finish_early(self) -> bool:
        """End all runs: those with a finished epoch keep their best, all others raise Unavailable.

        It may be called by a signal handler, and does not wait.

        Returns:
            Whether any run keeps an epoch.
        """
        self._ending = True
        finishing = self._active & self._reported
        for process in tuple(self._active):
            if process in finishing:
                process.send_signal(signal.SIGINT)
            else:
                assert process.stdin is not None, "stdin is a pipe"
                process.stdin.close()
        return bool(finishing)

    def cancel(self) -> None:
        """Stop all active runs; each `train` then raises Unavailable."""
        for process in tuple(self._active):
            _stop(process)

    def _is_ending(self) -> bool:
        # Set by a signal handler or another thread, at any time.
        return self._ending

    def _job(self, request: TrainingRequest) -> TrainingJob:
        return TrainingJob(
            request=request,
            created_at=self._clock.now(),
            root=str(self._project.root),
            home=str(self._project.home),
            settings=self._project.settings.model_dump(mode="json"),
        )

    def _log(self, request: TrainingRequest) -> Path:
        self._project.logs.mkdir(parents=True, exist_ok=True)
        name = short(digest_bytes(request.key.encode()))
        return self._project.logs / f"training-{name}.log"


@contextmanager
def _child(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a training process; stop it if it is still running at the end of the block."""
    command = [sys.executable, "-m", "retread.training.worker", str(folder)]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
            start_new_session=True,
            umask=PRIVATE_UMASK,
        )
    try:
        with process:
            try:
                yield process
            finally:
                _stop(process)
    finally:
        process.wait()


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Closing stdin asks the process to end, which gives it time to record the interruption.
    assert process.stdin is not None, "stdin is a pipe"
    process.stdin.close()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _environment() -> dict[str, str]:
    defaults = {
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        # Threads that spin while they wait take CPU time from the server on the same machine.
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    return {**defaults, **os.environ}


def _stopped() -> Unavailable:
    return Unavailable(
        "The training was stopped before its first epoch had ended; nothing of it is kept.",
        "The data and all versions are as they were. Start it again with: retread train",
    )


def _error_of(failure: Failure | None, status: int, log: Path) -> RetreadError:
    """Return the error that ended a child, as it was raised there."""
    if failure is not None:
        kind = _ERRORS.get(failure.code, RetreadError)
        if failure.is_foreign:
            return kind(failure.message, f"{failure.hint} The traceback is in {log}.".strip())
        return kind(failure.message, failure.hint or f"See {log}.")
    tail = last_lines(log)
    lines = f" The last lines of its log are: {tail}" if tail else ""
    return Unavailable(
        f"The training process {_end(status)} without an outcome.{lines}",
        f"{_ADVICE.get(-status, '')}See {log}; submitting the same run again starts it over.",
    )


def _end(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return f"was killed by signal {-status}"
    cause = ", as the system does when memory runs out," if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status} ({name}){cause}"


def last_lines(log: Path) -> str:
    """Return the last lines of a log, joined by " | "; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(-min(_LOG_TAIL_BYTES, log.stat().st_size), os.SEEK_END)
            content = file.read().decode(errors="replace")
    except OSError:
        return ""
    return " | ".join([line.strip() for line in content.splitlines() if line.strip()][-_LOG_LINES:])
