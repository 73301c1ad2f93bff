"""Ending everything that `up` started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from retread.app.supervisor.identity import is_alive
from retread.app.supervisor.lock import only_one
from retread.app.supervisor.state import Status, lock_file, running_status
from retread.app.supervisor.strays import SWEPT_WITHIN_S, sweep
from retread.app.supervisor.supervise import STOP_WITHIN_S
from retread.core import Conflict

# What a supervisor takes at the most, with the probes it may be in the middle of.
_PATIENCE_S = STOP_WITHIN_S + SWEPT_WITHIN_S + 10.0
_KILLED_WITHIN_S = 5.0
_UNTOLD_S = 10.0


def take_down(home: Path) -> bool:
    """End the supervisor and every process it started, also of one that was killed.

    Returns whether anything ran. Afterwards there is no process, no lock and no state file.
    Raises Conflict when another command keeps starting or ending it.
    """
    ended = False
    deadline = time.monotonic() + _UNTOLD_S
    while True:
        if (status := running_status(home)) is not None:
            _end_supervisor(status)
            ended = True
            deadline = time.monotonic() + _UNTOLD_S
        try:
            with only_one(lock_file(home)):
                return sweep(home) or ended
        except Conflict:
            # A supervisor that holds the lock tells its number a moment later.
            if time.monotonic() > deadline:
                raise


def _end_supervisor(status: Status) -> None:
    for number, patience_s in ((signal.SIGTERM, _PATIENCE_S), (signal.SIGKILL, _KILLED_WITHIN_S)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(status.pid, number)
        deadline = time.monotonic() + patience_s
        while is_alive(status.pid, status.born) and time.monotonic() < deadline:
            time.sleep(0.05)
