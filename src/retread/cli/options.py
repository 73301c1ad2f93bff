"""Options that every command takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.project import open_project

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

    return Workspace(open_project(project, os.environ))
