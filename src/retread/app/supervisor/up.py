"""Starting the supervisor in the background, and knowing that all is well."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from retread.app.supervisor.down import take_down
from retread.app.supervisor.lock import only_one
from retread.app.supervisor.logs import last_lines
from retread.app.supervisor.service import Service, is_free
from retread.app.supervisor.state import ServiceStatus, Status, lock_file, running_status
from retread.app.supervisor.strays import sweep
from retread.core import Refused, Unavailable
from retread.project import LoadedProject

READY_WITHIN_S = 90.0
_DEATHS_TO_GIVE_UP = 3


def bring_up(
    project: LoadedProject,
    services: Sequence[Service],
    on_status: Callable[[Status], None] = lambda _: None,
) -> Status:
    """Start everything in the background and return when all of it is ready.

    Raises Conflict when it is up already; Refused when a port is taken, before anything starts;
    Unavailable with its last words when a service does not become ready, and Refused when it is
    interrupted: then all is down again.
    """
    with only_one(lock_file(project.home)):
        sweep(project.home)
        refuse_taken_ports(services)
    process = _spawn(project)
    try:
        ready = _ready(project, process, on_status)
    except KeyboardInterrupt:
        _take_down(project, process)
        raise Refused("Interrupted before all was ready; all is down again.") from None
    if ready is not None:
        return ready
    late = running_status(project.home)
    _take_down(project, process)
    raise _not_ready(late)


def refuse_taken_ports(services: Sequence[Service]) -> None:
    """Raises Refused naming every port that somebody else listens on, and its setting."""
    taken = [s for s in services if s.port and not is_free(s.host, s.port)]
    if taken:
        ports = " and ".join(f"Port {s.port} ({s.name})" for s in taken)
        settings = ", ".join(f"{s.setting} (now {s.port})" for s in taken)
        raise Refused(
            f"{ports} {'is' if len(taken) == 1 else 'are'} taken by another program.",
            f"Stop it, or change in retread.toml: {settings}.",
        )


def _ready(
    project: LoadedProject, process: subprocess.Popen[bytes], on_status: Callable[[Status], None]
) -> Status | None:
    """The status when all is ready; None when it does not become so."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _supervisor_failed(project)
        status = running_status(project.home)
        if status is not None:
            on_status(status)
            if status.is_ready:
                return status
            if any(service.restarts >= _DEATHS_TO_GIVE_UP for service in status.services):
                break
        time.sleep(0.05)
    return None


def _take_down(project: LoadedProject, process: subprocess.Popen[bytes]) -> None:
    if running_status(project.home) is None:
        # It has not said yet that it is there, so that nobody else could find it.
        process.terminate()
    take_down(project.home)
    process.wait()


def _spawn(project: LoadedProject) -> subprocess.Popen[bytes]:
    with (project.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "retread.app.supervisor", "--project", str(project.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _supervisor_failed(project: LoadedProject) -> Unavailable:
    lines = last_lines(project.logs / "supervisor.log", 1)
    return Unavailable(
        f"The supervisor ended: {' '.join(lines) or 'it said nothing'}",
        f"See {project.logs / 'supervisor.log'}.",
    )


def _not_ready(status: Status | None) -> Unavailable:
    late = [s for s in (status.services if status else ()) if s.state != "ready"]
    text = "\n".join(_last_words(service) for service in late) or "the supervisor"
    return Unavailable(f"Not everything became ready; all is down again. {text}")


def _last_words(service: ServiceStatus) -> str:
    lines = "\n".join(f"    {line}" for line in service.last_lines)
    return f"{service.name} was {service.state}" + (f", and last said:\n{lines}" if lines else ".")
