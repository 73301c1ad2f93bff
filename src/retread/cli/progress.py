"""How far long work is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeRemainingColumn as Remaining

from retread.cli.output import errors

Report = Callable[[str, int, int], None]

_LINES = 4


@contextmanager
def progress() -> Iterator[Report]:
    """A function to be told what is done, how much of it, and how much there is. It writes to
    stderr, so that stdout holds the result alone."""
    if not errors.is_terminal:
        yield _plain()
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


def _plain() -> Report:
    told: dict[str, int] = {}

    def report(stage: str, done: int, total: int) -> None:
        quarter = _LINES * done // max(total, 1)
        if quarter > told.get(stage, 0):
            told[stage] = quarter
            errors.print(f"{stage}: {done} of {total}")

    return report
