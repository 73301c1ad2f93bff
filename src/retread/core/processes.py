"""Processes of this machine: their identity, how to find and end them, and free memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# psutil is imported in the functions: most commands never need it.

_POLL_S = 0.02
_SAME_START_S = 2.0
_KILLED_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process for all time: process ids are reused, but not with the same start time.

    `start_time` is in seconds since boot, as text that is stored unchanged; empty if unknown.
    """

    pid: int
    start_time: str


def identify_process(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process `pid`; None if it is not running, or is a zombie."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        started = process.create_time()
        if psutil.LINUX:
            # Since boot, because the wall clock may be set while the process runs.
            started -= psutil.boot_time()
    except (psutil.Error, ValueError):
        return None
    return ProcessIdentity(pid, f"{started:.2f}")


def is_running(process: ProcessIdentity) -> bool:
    """Return whether this very process is still running."""
    found = identify_process(process.pid)
    if found is None or not process.start_time:
        return False
    # The time of boot, which is part of it, is only known to the second.
    return abs(float(found.start_time) - float(process.start_time)) < _SAME_START_S


def processes_with_variable(name: str, value: str) -> tuple[ProcessIdentity, ...]:
    """Return the running processes that were started with an environment variable.

    Children inherit the environment, so this also finds grandchildren whose parents have ended.
    This process, and processes of other users, are left out.
    """
    import psutil

    found: list[ProcessIdentity | None] = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(name) == value:
                found.append(identify_process(process.pid))
        except (psutil.Error, OSError):
            continue
    return tuple(identity for identity in found if identity is not None)


def end_processes(processes: Iterable[ProcessIdentity], grace_s: float) -> None:
    """Terminate processes, kill those that are left after `grace_s`, and wait until all are gone.

    They need not be children of this process. Killed ones are waited for up to two seconds.
    """
    remaining = _signal(processes, signal.SIGTERM)
    remaining = _wait_for(remaining, grace_s)
    _wait_for(_signal(remaining, signal.SIGKILL), _KILLED_WITHIN_S)


def available_memory(root: Path = Path("/")) -> int:
    """Return how many bytes a process may still allocate without swapping.

    It is the smaller of what the machine and each of this process's cgroups (version 2) have left.
    Memory that only caches files counts as available.

    Args:
        root: Where /proc and /sys are; for tests.
    """
    import psutil

    machine = psutil.virtual_memory().available
    return int(max(0, min([machine, *_left_in_cgroups(root)])))


def _signal(
    processes: Iterable[ProcessIdentity], number: signal.Signals
) -> tuple[ProcessIdentity, ...]:
    signalled = tuple(process for process in processes if is_running(process))
    for process in signalled:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            continue
    return signalled


def _wait_for(
    processes: tuple[ProcessIdentity, ...], seconds: float
) -> tuple[ProcessIdentity, ...]:
    """Wait until all have ended, and return those that have not within `seconds`."""
    deadline = time.monotonic() + seconds
    remaining = tuple(filter(is_running, processes))
    while remaining and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        remaining = tuple(filter(is_running, remaining))
    return remaining


def _left_in_cgroups(root: Path) -> Iterator[int]:
    # psutil knows the machine's memory only.
    top = root / "sys/fs/cgroup"
    own = _text(root / "proc/self/cgroup").strip().rpartition("::")[2].strip("/")
    for folder in (top / own, *(top / own).parents):
        limit, used = _text(folder / "memory.max"), _text(folder / "memory.current")
        if limit.strip().isdigit() and used.strip().isdigit():
            yield int(limit) - int(used) + _inactive_file(folder)
        if folder == top:
            return


def _inactive_file(folder: Path) -> int:
    for line in _text(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == "inactive_file":
            return int(value)
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
