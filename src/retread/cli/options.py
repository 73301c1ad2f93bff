"""Options shared by many commands, and the error for wrong combinations of options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.times import show_times_in
from retread.core import InvalidInput
from retread.project import LoadedProject

if TYPE_CHECKING:
    from retread.app import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ProjectPath = Annotated[
    Path,
    typer.Option(
        "--project", help="Project folder. Default: the one at or above the current folder."
    ),
]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Server port. Default: the port of the running server."),
]

HERE = Path()


class WrongUsage(InvalidInput):
    """Arguments or options are missing, unknown, or cannot be combined (exit 2)."""

    code = "wrong_usage"


def workspace(project: Path) -> Workspace:
    """Return the workspace of the project at or above `project`."""
    from retread.app import Workspace

    return Workspace(checked_project(project))


def checked_project(project: Path) -> LoadedProject:
    """Return the project at or above `project`, with the names in its settings checked."""
    from retread.app.projects import open_checked_project

    opened = open_checked_project(project, os.environ)
    show_times_in(opened.settings.project.zone)
    return opened
