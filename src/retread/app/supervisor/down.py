"""Ending everything that `up` started."""

from __future__ import annotations

import os
import signal
import time

from retread.app.supervisor.identity import is_alive
from retread.app.supervisor.lock import only_one
from retread.app.supervisor.state import Status, lock_file, running_status
from retread.app.supervisor.strays import sweep
from retread.app.supervisor.supervise import STOP_WITHIN_S
from retread.project import Project

_PATIENCE_S = STOP_WITHIN_S + 5.0


def take_down(project: Project) -> bool:
    """End the supervisor and every process it started, also of one that was killed.

    Returns whether anything ran. Afterwards there is no process, no lock and no state file.
    """
    status = running_status(project)
    if status is not None:
        _end_supervisor(status)
    with only_one(lock_file(project)):
        return sweep(project) or status is not None


def _end_supervisor(status: Status) -> None:
    os.kill(status.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while is_alive(status.pid, status.born):
        if time.monotonic() > deadline:
            os.kill(status.pid, signal.SIGKILL)
            return
        time.sleep(0.05)
