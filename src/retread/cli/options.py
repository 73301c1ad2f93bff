"""Options that every command takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.project import LoadedProject, open_project

if TYPE_CHECKING:
    from retread.app import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ProjectPath = Annotated[
    Path, typer.Option("--project", help="Project folder; found upwards from here if left out.")
]

HERE = Path()


def workspace(project: Path) -> Workspace:
    """The workspace of the project at or above `project`."""
    from retread.app import Workspace

    return Workspace(checked_project(project))


def checked_project(project: Path) -> LoadedProject:
    """The project at or above `project`, whose settings name nothing that is not there."""
    # Only where it is used: these packages are slow to load.
    from retread.app.known_names import known_names

    return open_project(project, os.environ, known_names())
