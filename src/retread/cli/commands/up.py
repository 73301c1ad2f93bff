"""`retread up`, `down` and `status`: everything on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath
from retread.cli.output import emit
from retread.project import open_project

if TYPE_CHECKING:
    from retread.app.supervisor import Status

Detach = Annotated[bool, typer.Option("--detach", help="Return when all is ready.")]


def register(app: typer.Typer) -> None:
    for command in (up, down, status):
        app.command()(command)


def up(detach: Detach = False, project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Start tracking, serving, the control API with its status page, and the loop."""
    from retread.app.supervisor import bring_up, running_status, services_of

    opened = open_project(project, os.environ)
    running = running_status(opened)
    if running is not None:
        text = f"Retread is already up (process {running.pid}).\n{_table(running)}"
        emit(_value(running), as_json=as_json, text=text)
    elif detach or as_json:
        ready = bring_up(opened, services_of(opened))
        emit(_value(ready), as_json=as_json, text=_table(ready))
    else:
        # The supervisor takes this process's place: it is small, and Ctrl-C is its own.
        command = [sys.executable, "-m", "retread.app.supervisor", "--project", str(opened.root)]
        os.execv(sys.executable, [*command, "--foreground"])  # noqa: S606  # no shell is wanted


def down(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """End everything that `up` started."""
    from retread.app.supervisor import take_down

    ended = take_down(open_project(project, os.environ))
    emit({"ended": ended}, as_json=as_json, text="All is down." if ended else "Nothing was up.")


def status(project: ProjectPath = HERE, as_json: Json = False) -> None:
    """What runs, where, since when; and how what died last ended."""
    from retread.app.supervisor import running_status

    running = running_status(open_project(project, os.environ))
    text = _table(running) if running else "Nothing is up. Start it with: retread up --detach"
    emit(_value(running), as_json=as_json, text=text)


def _value(status: Status | None) -> dict[str, object]:
    return {"up": status is not None, "supervisor": status}


def _table(status: Status) -> str:
    lines = []
    for service in status.services:
        restarts = f"  restarted {service.restarts} times" if service.restarts else ""
        where = f"{service.name:<10}{service.state.value:<10}{service.address:<24}"
        lines.append(f"{where}since {service.since}{restarts}")
        if service.next_start:
            lines.append(f"    starts again at {service.next_start}")
        lines += [f"    {line}" for line in service.last_lines]
    return "\n".join(lines)
