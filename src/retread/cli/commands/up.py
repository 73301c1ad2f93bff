"""`retread up`, `down` and `status`: everything on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, checked_project
from retread.cli.output import emit
from retread.core import RetreadError
from retread.project import LoadedProject, find_home, open_project

if TYPE_CHECKING:
    from retread.app.overview import Overview
    from retread.app.supervisor import Status
    from retread.cli.progress import Report

Detach = Annotated[bool, typer.Option("--detach", help="Return when all is ready.")]


def register(app: typer.Typer) -> None:
    for command in (up, down, status):
        app.command()(command)


def up(detach: Detach = False, project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Start tracking, serving, the control API with its status page, and the loop."""
    from retread.app.supervisor import bring_up, running_status, services_of
    from retread.cli.progress import progress
    from retread.cli.status_view import services_text

    opened = checked_project(project)
    running = running_status(opened.home)
    if running is not None:
        text = f"Retread is already up (process {running.pid}).\n{services_text(running)}"
        emit(_value(running), as_json=as_json, text=text)
    elif detach or as_json:
        with progress() as report:
            ready = bring_up(opened, services_of(opened), _counted(report))
        emit(_value(ready), as_json=as_json, text=services_text(ready))
    else:
        # The supervisor takes this process's place: it is small, and Ctrl-C is its own.
        command = [sys.executable, "-m", "retread.app.supervisor", "--project", str(opened.root)]
        os.execv(sys.executable, [*command, "--foreground"])  # noqa: S606  # no shell is wanted


def down(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """End everything that `up` started."""
    from retread.app.supervisor import take_down

    # Not the settings: a mistake made in them since must not keep it all running.
    ended = take_down(find_home(project, os.environ))
    emit({"ended": ended}, as_json=as_json, text="All is down." if ended else "Nothing was up.")


def status(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """What runs, what serves, which retraining is how far, and which messages did not arrive."""
    from retread.app.supervisor import running_status
    from retread.cli.status_view import project_text, services_text

    opened = open_project(project, os.environ)
    running = running_status(opened.home)
    shown, problem = _overview(opened)
    services = services_text(running) if running else _without_status(opened.home)
    value = {**_value(running), "project": shown}
    emit(value, as_json=as_json, text=f"{services}\n\n{problem or project_text(shown)}")


def _value(status: Status | None) -> dict[str, object]:
    return {"up": status is not None, "supervisor": status}


def _counted(report: Report) -> Callable[[Status], None]:
    def tell(status: Status) -> None:
        ready = sum(service.state == "ready" for service in status.services)
        report("services ready", ready, len(status.services))

    return tell


def _overview(project: LoadedProject) -> tuple[Overview | None, str]:
    """What was recorded, or why it cannot be read: what runs is shown all the same."""
    from retread.app import Workspace

    workspace = Workspace(project)
    if not workspace.has_database:
        return None, ""
    from retread.app.overview import glance  # much larger than the rest of this command

    try:
        return glance(workspace), ""
    except RetreadError as error:
        return None, str(error)


def _without_status(home: Path) -> str:
    from retread.app.supervisor import is_held, lock_file

    if is_held(lock_file(home)):
        return "Retread is just being started or ended. Ask again in a moment."
    return "Nothing is up. Start it with: retread up --detach"
