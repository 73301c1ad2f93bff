"""Epochs as bars on a terminal, and as plain lines elsewhere; on stderr, beside the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from retread.cli.output import errors

if TYPE_CHECKING:
    from retread.training import EpochCallback, EpochFinished, TrainingRequest


@contextmanager
def epochs_shown(requests: Sequence[TrainingRequest], *, quiet: bool) -> Iterator[EpochCallback]:
    """A function to be called with each epoch of the runs; `quiet` shows nothing."""
    if quiet:
        yield lambda _: None
    elif errors.is_terminal:
        with _bars() as progress:
            yield _moving(progress, requests)
    else:
        names = _names(requests)
        for name in names.values():
            errors.print(f"training {name}")
        yield lambda epoch: errors.print(f"{names[epoch.key]}: {line(epoch)}")


def line(epoch: EpochFinished) -> str:
    """An epoch in one line; a star marks the best so far."""
    star = " *" if epoch.kept else ""
    rate = f"learning rate {epoch.learning_rate:.2g}"
    return f"epoch {epoch.epoch}/{epoch.epochs}: {figures(epoch)}, {rate}{star}"


def figures(epoch: EpochFinished) -> str:
    """The figures that people look at first."""
    shown = [name for name in ("Loss", "Accuracy", "F1", "MAE", "R2") if name in epoch.metrics]
    return ", ".join(f"{name} {epoch.metrics[name]:.3g}" for name in shown)


def _moving(progress: Progress, requests: Sequence[TrainingRequest]) -> EpochCallback:
    bars = {
        key: progress.add_task(name, total=None, figures="")
        for key, name in _names(requests).items()
    }

    def show(epoch: EpochFinished) -> None:
        bar = bars[epoch.key]
        progress.update(bar, completed=epoch.epoch, total=epoch.epochs, figures=figures(epoch))

    return show


def _names(requests: Sequence[TrainingRequest]) -> dict[str, str]:
    return {r.key: f"{r.model_type} on {r.dataset}@{r.dataset_version}" for r in requests}


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=errors,
    )
