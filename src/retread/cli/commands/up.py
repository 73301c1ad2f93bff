"""`retread up`, `down` and `status`: the services of a project on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, checked_project
from retread.cli.output import PART_FAILED, emit
from retread.cli.times import show_times_in
from retread.core import RetreadError
from retread.project import LoadedProject, find_home, open_project

if TYPE_CHECKING:
    from retread.app.overview import Overview
    from retread.app.supervisor import SupervisorStatus
    from retread.cli.progress import ReportProgress

Detach = Annotated[
    bool, typer.Option("--detach", help="Run in the background; return when all is ready.")
]


def register(app: typer.Typer) -> None:
    for command in (up, down, status):
        app.command()(command)


def up(detach: Detach = False, project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Start the services of the project.

    These are tracking, serving, the control API with its status page, and the loop.
    """
    from retread.app.supervisor import bring_up, running_status, services_of
    from retread.cli.overview_text import services_text
    from retread.cli.progress import progress

    opened = checked_project(project)
    running = running_status(opened.home)
    if running is not None:
        text = f"Retread is already running (process {running.pid}).\n{services_text(running)}"
        emit(_value(running), as_json=as_json, text=text)
    elif detach or as_json:
        with progress() as report:
            ready = bring_up(opened, services_of(opened), _report_ready(report))
        control = next((s.address for s in ready.services if s.name == "control"), None)
        text = f"{services_text(ready)}\nStatus page: {control}. Stop with: retread down"
        emit(_value(ready), as_json=as_json, text=text)
    else:
        # The supervisor replaces this process: it is small, and Ctrl-C reaches it directly.
        command = [sys.executable, "-m", "retread.app.supervisor", "--project", str(opened.root)]
        os.execv(sys.executable, [*command, "--foreground"])  # noqa: S606  # no shell is wanted


def down(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Stop everything that `up` started."""
    from retread.app.supervisor import take_down

    # The settings are not read: a mistake in them must not keep everything running.
    stopped = take_down(find_home(project, os.environ))
    text = "All services stopped." if stopped else "No services were running."
    emit({"ended": stopped}, as_json=as_json, text=text)


def status(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Show what runs, what serves, how good it is, and what has failed.

    Services, failed parts, slots, quality, standing alarms, the canary, retrainings, cooldown,
    notifications, and settings that are not in use yet. Exits with 5 if a part has failed.
    """
    from retread.app.supervisor import running_status
    from retread.cli.overview_text import failures_text, project_text, services_text

    opened = open_project(project, os.environ)
    show_times_in(opened.settings.project.zone)
    running = running_status(opened.home)
    shown, problem = _load_overview(opened)
    services = services_text(running) if running else _not_running_text(opened.home)
    failures = failures_text(shown.live) if shown else problem and f"FAILED  {problem}"
    project_lines = project_text(shown) if shown else "No events are recorded yet."
    value = {**_value(running), "project": shown}
    text = "\n\n".join(filter(None, (services, failures, "" if problem else project_lines)))
    emit(value, as_json=as_json, text=text)
    if failures:
        raise typer.Exit(PART_FAILED)


def _value(status: SupervisorStatus | None) -> dict[str, object]:
    return {"up": status is not None, "supervisor": status}


def _report_ready(report: ReportProgress) -> Callable[[SupervisorStatus], None]:
    def count(status: SupervisorStatus) -> None:
        ready = sum(service.state == "ready" for service in status.services)
        report("services ready", ready, len(status.services))

    return count


def _load_overview(project: LoadedProject) -> tuple[Overview | None, str]:
    """Return the overview, or why it cannot be read: services are shown in either case."""
    from retread.app import Workspace

    workspace = Workspace(project)
    if not workspace.has_database:
        return None, ""
    from retread.app.overview import load_overview  # much larger than the rest of this command

    try:
        return load_overview(workspace, os.environ), ""
    except RetreadError as error:
        return None, str(error)


def _not_running_text(home: Path) -> str:
    from retread.app.supervisor import is_supervised

    if is_supervised(home):
        return "Retread is starting or stopping. Try again in a moment."
    return "No services are running. Start them with: retread up --detach"
