"""`retread up`, `down` and `status`: the services of a project on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, checked_project
from retread.cli.output import emit
from retread.core import RetreadError
from retread.project import LoadedProject, find_home, open_project

if TYPE_CHECKING:
    from retread.app.overview import Overview, Retraining
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
    from retread.cli.progress import progress

    opened = checked_project(project)
    running = running_status(opened.home)
    if running is not None:
        text = f"Retread is already running (process {running.pid}).\n{_services_text(running)}"
        emit(_value(running), as_json=as_json, text=text)
    elif detach or as_json:
        with progress() as report:
            ready = bring_up(opened, services_of(opened), _report_ready(report))
        emit(_value(ready), as_json=as_json, text=_services_text(ready))
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
    """Show services, serving slots, retraining progress and undelivered notifications."""
    from retread.app.supervisor import running_status

    opened = open_project(project, os.environ)
    running = running_status(opened.home)
    shown, problem = _load_overview(opened)
    services = _services_text(running) if running else _not_running_text(opened.home)
    value = {**_value(running), "project": shown}
    emit(value, as_json=as_json, text=f"{services}\n\n{problem or _project_text(shown)}")


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
        return load_overview(workspace), ""
    except RetreadError as error:
        return None, str(error)


def _not_running_text(home: Path) -> str:
    from retread.app.supervisor import is_supervised

    if is_supervised(home):
        return "Retread is starting or stopping. Try again in a moment."
    return "No services are running. Start them with: retread up --detach"


def _services_text(status: SupervisorStatus) -> str:
    """Format one line per service, with the log's end of those that failed."""
    lines = []
    for service in status.services:
        restarts = f"  restarts: {service.restarts}" if service.restarts else ""
        head = f"{service.name:<10}{service.state.value:<10}{service.address or '':<24}"
        lines.append(f"{head}since {_local_time(service.since)}{restarts}")
        if service.next_start:
            lines.append(f"    restarts at {_local_time(service.next_start)}")
        lines += [f"    {line}" for line in service.last_lines]
    return "\n".join(lines)


def _project_text(shown: Overview | None) -> str:
    return "\n".join(_project_lines(shown)) if shown else "No events are recorded yet."


def _project_lines(shown: Overview) -> Iterator[str]:
    for slot in shown.slots:
        share = f" for {slot.share:.0%} of traffic" if slot.share < 1 else ""
        made = f" ({slot.model_type} on {slot.dataset})" if slot.model_type else ""
        yield f"{slot.slot.capitalize()}: version {slot.version}{share}{made}."
    if not any(slot.slot == "production" for slot in shown.slots):
        yield "No version is in production yet."
    for retraining in shown.retrainings:
        yield _progress_line(retraining)
    for message in shown.messages:
        yield message.text


def _progress_line(retraining: Retraining) -> str:
    version = f", version {retraining.version}" if retraining.version else ""
    in_canary = retraining.phase == "canary" and retraining.share
    share = f" at {retraining.share:.0%}" if in_canary else ""
    detail = f": {retraining.detail}" if retraining.detail else ""
    return (
        f"Retraining {retraining.trigger}: {retraining.phase}{share} since "
        f"{_local_time(retraining.since)}{version} ({retraining.kind}{detail})."
    )


def _local_time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
