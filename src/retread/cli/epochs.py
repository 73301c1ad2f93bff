"""Epochs as a bar on a terminal, and as plain lines elsewhere; on stderr, beside the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from retread.cli.output import errors

if TYPE_CHECKING:
    from retread.training import EpochFinished, Report, TrainingRequest


@contextmanager
def epochs_shown(request: TrainingRequest, *, quiet: bool) -> Iterator[Report]:
    """A function to be called with each epoch of the run; `quiet` shows nothing."""
    if quiet:
        yield lambda _: None
    elif not errors.is_terminal:
        errors.print(f"training {request.model_type} on {_data(request)}")
        yield lambda epoch: errors.print(line(epoch))
    else:
        with _bar() as progress:
            task = progress.add_task(f"{request.model_type} on {_data(request)}", figures="")

            def show(epoch: EpochFinished) -> None:
                progress.update(
                    task, completed=epoch.epoch, total=epoch.epochs, figures=figures(epoch)
                )

            yield show
            progress.update(task, total=progress.tasks[task].completed or 1)


def line(epoch: EpochFinished) -> str:
    """An epoch in one line; a star marks the best so far."""
    star = " *" if epoch.kept else ""
    rate = f"learning rate {epoch.learning_rate:.2g}"
    return f"epoch {epoch.epoch}/{epoch.epochs}: {figures(epoch)}, {rate}{star}"


def figures(epoch: EpochFinished) -> str:
    """The figures that people look at first."""
    shown = [name for name in ("Loss", "Accuracy", "F1", "MAE", "R2") if name in epoch.metrics]
    return ", ".join(f"{name} {epoch.metrics[name]:.3g}" for name in shown)


def _data(request: TrainingRequest) -> str:
    return f"{request.dataset}@{request.dataset_version}"


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=errors,
    )
