"""`retread serve`: run the inference server alone."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from retread.cli.options import HERE, ProjectPath
from retread.project import open_project


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Number of processes. Default: [serving] workers."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port. Default: [serving] port.")
    ] = None,
    project: ProjectPath = HERE,
) -> None:
    """Run the inference server alone.

    It runs in the foreground until it is interrupted.
    """
    root = open_project(project, os.environ).root
    command = [sys.executable, "-m", "retread.serving", "--project", str(root)]
    command += ["--workers", str(workers)] if workers is not None else []
    command += ["--port", str(port)] if port is not None else []
    # The server replaces this process, which keeps it small and lets signals reach it directly.
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 - no shell wanted
