"""Processes of a supervisor that is gone, found by the mark they inherited."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from retread.app.supervisor.identity import birth, is_alive
from retread.app.supervisor.state import Status, read_status, state_file

MARK = "RETREAD_SUPERVISED_BY"
_PATIENCE_S = 5.0
_KILLED_WITHIN_S = 2.0
SWEPT_WITHIN_S = _PATIENCE_S + _KILLED_WITHIN_S


def sweep(home: Path) -> bool:
    """Clear away what a killed supervisor left; whether there was a process of it.

    To be called by who holds the lock: the processes of a living supervisor look the same.
    """
    left = strays(home, read_status(state_file(home)))
    end(left, _PATIENCE_S)
    state_file(home).unlink(missing_ok=True)
    return bool(left)


def strays(home: Path, status: Status | None) -> dict[int, str]:
    """Pid and birth of each process that a supervisor of `home` started, or their children did.

    Where there is no /proc, those that the last `status` names.
    """
    if not Path("/proc/self/environ").exists():
        named = status.services if status else ()
        return {s.pid: s.born for s in named if is_alive(s.pid, s.born)}
    mark = f"{MARK}={home}".encode()
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    found = {pid: birth(pid) for pid in pids if pid != os.getpid() and _is_marked(pid, mark)}
    return {pid: born for pid, born in found.items() if born}


def end(processes: dict[int, str], patience_s: float) -> None:
    """Ask the processes to end, kill those that have not after `patience_s`, and see them gone."""
    _signal(processes, signal.SIGTERM)
    _wait(processes, patience_s)
    _signal(_alive(processes), signal.SIGKILL)
    _wait(processes, _KILLED_WITHIN_S)


def _wait(processes: dict[int, str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _alive(processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _alive(processes: dict[int, str]) -> dict[int, str]:
    return {pid: born for pid, born in processes.items() if is_alive(pid, born)}


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
