"""The training process: `python -m retread.training.worker FOLDER`.

It reads the order in FOLDER, says each epoch on stdout, and leaves an outcome or a failure. It
ends when its parent does, or wants it to: stdin is a pipe that nobody writes to.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from retread.bundle import LocalBundleStore
from retread.core import RetreadError, folder_lock
from retread.data import LanceDatasetStore
from retread.training.lifeline import Lifeline
from retread.training.order import (
    Failure,
    TrainingJob,
    read_order,
    read_outcome,
    write_failure,
    write_outcome,
)
from retread.training.progress import EpochFinished, encode_progress
from retread.training.request import TrainingOutcome
from retread.training.run import TrainingContext, run
from retread.training.tracking import MlflowTracking

FAILED = 1


def main(folder: Path) -> int:
    """Do the work of one folder; 0 when there is an outcome, 1 when there is a failure."""
    progress, lifeline = protocol_stream(), Lifeline()
    lifeline.hold()
    # An earlier process of the same key may still be dying.
    with folder_lock(folder):
        if read_outcome(folder) is not None:
            return 0
        order = read_order(folder)
        sys.path.insert(0, order.root)
        try:
            outcome = train(order, progress, lifeline)
        except Exception as error:
            traceback.print_exc()
            write_failure(folder, failure_of(error))
            return FAILED
        write_outcome(folder, outcome)
    return 0


def failure_of(error: Exception) -> Failure:
    """What is told of an error; one that nobody foresaw is told by its name."""
    if isinstance(error, RetreadError):
        return Failure(code=error.code, message=error.message, hint=error.hint)
    return Failure(
        code=RetreadError.code,
        message=f"The training failed: {type(error).__name__}: {error}.",
        hint="",
    )


def train(order: TrainingJob, progress: BinaryIO, lifeline: Lifeline) -> TrainingOutcome:
    """Wire the adapters of this process and run."""
    project = order.project
    tracking = MlflowTracking(project)
    lifeline.last_words = tracking.interrupt

    def report(epoch: EpochFinished) -> None:
        # Nobody is there to hear it: the lifeline ends the run, which is no failure.
        with suppress(BrokenPipeError):
            progress.write(encode_progress(epoch))
            progress.flush()

    shop = TrainingContext(
        project=project,
        datasets=LanceDatasetStore(project.datasets),
        bundles=LocalBundleStore(project.bundles),
        tracking=tracking,
        threads=len(os.sched_getaffinity(0)),
    )
    return run(shop, order.request, order.created_at, report)


def protocol_stream() -> BinaryIO:
    """Stdout for ourselves alone: what libraries print goes to stderr."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
