"""Start the supervisor in the background and wait until all is ready; stop it again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from retread.app.supervisor.orphans import REAP_TIMEOUT_S, reap_orphans
from retread.app.supervisor.process import log_tail
from retread.app.supervisor.service import Service, is_free
from retread.app.supervisor.state import (
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    running_status,
    supervisor_lock,
)
from retread.app.supervisor.supervisor import STOP_TIMEOUT_S
from retread.core import Conflict, Refused, Unavailable
from retread.project import LoadedProject

READY_TIMEOUT_S = 90.0
_FAILURES_TO_GIVE_UP = 3
# The longest a supervisor takes to stop, with the probes it may be in the middle of.
_TERMINATED_WITHIN_S = STOP_TIMEOUT_S + REAP_TIMEOUT_S + 10.0
_KILLED_WITHIN_S = 5.0
_LOCK_TIMEOUT_S = 10.0


def bring_up(
    project: LoadedProject,
    services: Sequence[Service],
    on_status: Callable[[SupervisorStatus], None] = lambda _: None,
) -> SupervisorStatus:
    """Start everything in the background and return when all of it is ready.

    Args:
        project: The project to start.
        services: Its services; their ports must be free.
        on_status: Called with each status while the services start.

    Raises:
        Conflict: It is already running.
        Refused: A port is in use, and nothing was started; or the start was interrupted, and
            everything was stopped again.
        Unavailable: A service did not become ready, and everything was stopped again.
    """
    with supervisor_lock(project.home):
        reap_orphans(project.home)
        refuse_taken_ports(services)
    process = _spawn(project)
    try:
        ready = _wait_until_ready(project, process, on_status)
    except KeyboardInterrupt:
        _take_down(project, process)
        raise Refused("Interrupted before all services were ready; they were stopped.") from None
    if ready is not None:
        return ready
    late = running_status(project.home)
    _take_down(project, process)
    raise _not_ready(late)


def take_down(home: Path) -> bool:
    """Stop the supervisor and every process it started, also those of one that was killed.

    Afterwards no process and no status file is left.

    Returns:
        Whether anything was running.

    Raises:
        Conflict: Another command keeps starting or stopping it.
    """
    stopped = False
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        if (status := running_status(home)) is not None:
            stop_supervisor(status)
            stopped = True
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
        try:
            with supervisor_lock(home):
                return reap_orphans(home) or stopped
        except Conflict:
            # A supervisor takes the lock a moment before it writes its status.
            if time.monotonic() > deadline:
                raise


def stop_supervisor(status: SupervisorStatus) -> None:
    """Terminate a supervisor and wait until it has ended; kill it if it does not end."""
    attempts = ((signal.SIGTERM, _TERMINATED_WITHIN_S), (signal.SIGKILL, _KILLED_WITHIN_S))
    for number, within_s in attempts:
        with contextlib.suppress(ProcessLookupError):
            os.kill(status.pid, number)
        deadline = time.monotonic() + within_s
        while status.is_running and time.monotonic() < deadline:
            time.sleep(0.05)


def refuse_taken_ports(services: Sequence[Service]) -> None:
    """Check that the ports of the services are free.

    Raises:
        Refused: Another program listens on some of them; it names each with its setting.
    """
    taken = [s for s in services if s.port and not is_free(s.host, s.port)]
    if taken:
        ports = " and ".join(f"Port {s.port} ({s.name})" for s in taken)
        settings = ", ".join(f"{s.setting} (now {s.port})" for s in taken)
        raise Refused(
            f"{ports} {'is' if len(taken) == 1 else 'are'} used by another program.",
            f"Stop that program, or change in retread.toml: {settings}.",
        )


def _wait_until_ready(
    project: LoadedProject,
    process: subprocess.Popen[bytes],
    on_status: Callable[[SupervisorStatus], None],
) -> SupervisorStatus | None:
    """Return the status when all is ready; None if a service fails or takes too long."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _supervisor_failed(project)
        status = running_status(project.home)
        if status is not None:
            on_status(status)
            if status.is_ready:
                return status
            if any(service.restarts >= _FAILURES_TO_GIVE_UP for service in status.services):
                break
        time.sleep(0.05)
    return None


def _take_down(project: LoadedProject, process: subprocess.Popen[bytes]) -> None:
    if running_status(project.home) is None:
        # It has not written its status yet, so `take_down` could not find it.
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
    log = project.logs / "supervisor.log"
    lines = log_tail(log, 1)
    return Unavailable(f"The supervisor failed: {' '.join(lines) or 'no output'}", f"See {log}.")


def _not_ready(status: SupervisorStatus | None) -> Unavailable:
    late = [s for s in (status.services if status else ()) if s.state is not ServiceState.READY]
    text = "\n".join(_described(service) for service in late) or "The supervisor did not start."
    return Unavailable(f"Not all services became ready; all were stopped. {text}")


def _described(service: ServiceStatus) -> str:
    lines = "\n".join(f"    {line}" for line in service.last_lines)
    last = f". Its last output:\n{lines}" if lines else "."
    return f"{service.name} was {service.state}{last}"
