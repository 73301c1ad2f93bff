"""Show progress on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as Remaining

from retread.cli.output import errors
from retread.core import format_metrics

if TYPE_CHECKING:
    from retread.training import EpochCallback, EpochFinished, TrainingRequest

ReportProgress = Callable[[str, int, int], None]
"""Takes a stage, how much of it is done, and how much there is."""

_LINES_PER_STAGE = 4
_EPOCH_METRICS = ("Loss", "Accuracy", "F1", "MAE", "R2")


@contextmanager
def progress() -> Iterator[ReportProgress]:
    """Yield a function that shows the progress of stages."""
    if not errors.is_terminal:
        yield _print_quarters()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
    )
    with Progress(*columns, console=errors, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


@contextmanager
def epoch_progress(requests: Sequence[TrainingRequest], *, quiet: bool) -> Iterator[EpochCallback]:
    """Yield a function that shows each epoch of the runs.

    Args:
        requests: The runs.
        quiet: Whether to show nothing.
    """
    if quiet:
        yield lambda _: None
    elif errors.is_terminal:
        with _epoch_bars() as bars:
            yield _update_bars(bars, requests)
    else:
        names = _names(requests)
        for name in names.values():
            errors.print(f"training {name}")
        yield lambda epoch: errors.print(f"{names[epoch.key]}: {epoch_line(epoch)}")


def epoch_line(epoch: EpochFinished) -> str:
    """Format an epoch in one line; a star marks the best so far."""
    star = " *" if epoch.kept else ""
    rate = f", learning rate {epoch.learning_rate:.2g}" if epoch.learning_rate is not None else ""
    return f"epoch {epoch.epoch}/{epoch.epochs}: {_metrics(epoch)}{rate}{star}"


def _print_quarters() -> ReportProgress:
    printed: dict[str, int] = {}

    def report(stage: str, done: int, total: int) -> None:
        quarter = _LINES_PER_STAGE * done // max(total, 1)
        if quarter > printed.get(stage, 0):
            printed[stage] = quarter
            errors.print(f"{stage}: {done} of {total}")

    return report


def _update_bars(bars: Progress, requests: Sequence[TrainingRequest]) -> EpochCallback:
    tasks = {
        key: bars.add_task(name, total=None, metrics="") for key, name in _names(requests).items()
    }

    def show(epoch: EpochFinished) -> None:
        task = tasks[epoch.key]
        bars.update(task, completed=epoch.epoch, total=epoch.epochs, metrics=_metrics(epoch))

    return show


def _metrics(epoch: EpochFinished) -> str:
    return format_metrics(epoch.metrics, _EPOCH_METRICS)


def _names(requests: Sequence[TrainingRequest]) -> dict[str, str]:
    return {r.key: f"{r.model_type} on {r.dataset}@{r.dataset_version}" for r in requests}


def _epoch_bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}"),
        Remaining(),
        console=errors,
    )
