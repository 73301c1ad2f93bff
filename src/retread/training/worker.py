"""The training process: `python -m retread.training.worker FOLDER`.

It reads the job in FOLDER, writes one line to stdout per epoch, and leaves an outcome or a
failure. SIGINT ends it after the current epoch, of which the best so far is kept. Stdin is a pipe
to which nothing is written. When the parent ends or closes it, the
process records the interruption and exits.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from retread.bundle import LocalBundleStore
from retread.core import Refused, RetreadError, add_to_import_path, folder_lock
from retread.core.parent_watch import ParentWatch, exit_process
from retread.data import LanceDatasetStore
from retread.training.context import TrainingContext
from retread.training.job import (
    Failure,
    TrainingJob,
    read_job,
    read_outcome,
    write_failure,
    write_outcome,
)
from retread.training.request import (
    EpochFinished,
    StopTraining,
    TrainingOutcome,
    encode_progress,
)
from retread.training.run import run
from retread.training.tracking import MlflowTracking

FAILED = 1
PARENT_ENDED = 2


def main(folder: Path) -> int:
    """Run the job of a folder.

    Returns:
        0 if there is an outcome, FAILED if there is a failure.
    """
    progress = protocol_stream()
    watch = ParentWatch(sys.stdin.fileno(), partial(exit_process, PARENT_ENDED))
    watch.start()
    # An earlier process of the same key may still be ending.
    with folder_lock(folder):
        if read_outcome(folder) is not None:
            return 0
        job = read_job(folder)
        add_to_import_path(Path(job.root))
        try:
            outcome = train(job, progress, watch)
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            traceback.print_exc()
            write_failure(folder, failure_of(error))
            return FAILED
        write_outcome(folder, outcome)
    return 0


def train(job: TrainingJob, progress: BinaryIO, watch: ParentWatch) -> TrainingOutcome:
    """Create the adapters of this process and run the job."""
    stopping = threading.Event()
    # A request to end after the current epoch.
    signal.signal(signal.SIGINT, lambda *_: stopping.set())
    project = job.project
    tracking = MlflowTracking(project)
    watch.on_parent_end = partial(exit_process, PARENT_ENDED, tracking.interrupt)

    def on_epoch(epoch: EpochFinished) -> None:
        # A closed pipe means that the parent has ended, which is not a failure of the training.
        with suppress(BrokenPipeError):
            progress.write(encode_progress(epoch))
            progress.flush()
        if stopping.is_set():
            raise StopTraining

    context = TrainingContext(
        project=project,
        datasets=LanceDatasetStore(project.datasets),
        bundles=LocalBundleStore(project.bundles),
        tracking=tracking,
        threads=len(os.sched_getaffinity(0)),
    )
    return run(context, job.request, job.created_at, on_epoch)


def failure_of(error: Exception | SystemExit) -> Failure:
    """Describe an error for the parent process."""
    if isinstance(error, RetreadError):
        cause = error.__cause__
        return Failure(
            code=error.code,
            message=error.message,
            hint=error.hint,
            is_foreign=cause is not None and not isinstance(cause, RetreadError),
        )
    if isinstance(error, MemoryError):
        return Failure(
            code=Refused.code,
            message=f"The training ran out of memory: {str(error) or 'nothing was left'}.",
            hint="Use a smaller --sample, another model type, or a machine with more memory.",
        )
    return Failure(
        code=RetreadError.code,
        message=f"The training failed: {type(error).__name__}: {error}.",
        hint="",
        is_foreign=True,
    )


def protocol_stream() -> BinaryIO:
    """Reserve stdout for progress; what libraries print goes to stderr."""
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return stream


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
