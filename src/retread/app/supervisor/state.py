"""What a supervisor shares with other processes: its lock and its status, in the project's home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from retread.core import Conflict, FolderLock, is_locked, write_atomically
from retread.core.processes import ProcessIdentity, is_running

# Looking at the lock takes it for a moment, which must not pass for a second supervisor.
_LOCK_PATIENCE_S = 0.3


class ServiceState(StrEnum):
    """State of a service; `WAITING` means that it ended and will be restarted."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Status of one service.

    `pid` is None while it waits for its restart at `next_start`. `last_lines` are the last lines
    of its log when it last ended. `missed_probes` counts the latest probes without a response.
    """

    name: str
    state: ServiceState
    address: str | None
    pid: int | None
    since: datetime
    restarts: int = 0
    next_start: datetime | None = None
    last_lines: tuple[str, ...] = ()
    missed_probes: int = 0

    @property
    def problem(self) -> str | None:
        """What is wrong with it now; None while it starts or is ready."""
        if self.state is ServiceState.WAITING:
            return f"ended and waits for restart {self.restarts}"
        if self.missed_probes:
            return f"does not respond: {self.missed_probes} probes in a row had no answer"
        return None


class SupervisorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Status of the supervisor and its services; `pid` and `start_time` identify its process."""

    pid: int
    start_time: str
    since: datetime
    services: tuple[ServiceStatus, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether every service is ready."""
        return bool(self.services) and all(s.state is ServiceState.READY for s in self.services)

    @property
    def is_running(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return is_running(ProcessIdentity(self.pid, self.start_time))


@contextmanager
def supervisor_lock(home: Path) -> Iterator[None]:
    """Be the only supervisor of a project within the block.

    Raises:
        Conflict: Another process holds the lock.
    """
    try:
        lock = FolderLock(_run_folder(home), _LOCK_PATIENCE_S)
    except BlockingIOError:
        raise Conflict(
            "Retread is already running in this project, or is starting or stopping.",
            "Run `retread status` to see its state.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_supervised(home: Path) -> bool:
    """Return whether a process holds the supervisor's lock, even if it has no status yet."""
    return is_locked(_run_folder(home))


def state_file(home: Path) -> Path:
    """Return the path of the status file."""
    return _run_folder(home) / "supervisor.json"


def write_status(path: Path, status: SupervisorStatus) -> None:
    """Replace the status file."""
    write_atomically(path, msgspec.json.encode(status))


def read_status(path: Path) -> SupervisorStatus | None:
    """Return the status that was last written; None if there is none, or it is not readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SupervisorStatus)
    except (OSError, msgspec.DecodeError):
        return None


def health_file(home: Path) -> Path:
    """Return the path of the file in which the loop writes its health."""
    return _run_folder(home) / "loop.json"


def settings_file(home: Path) -> Path:
    """Return the path of the file with the settings in use."""
    return _run_folder(home) / "settings.json"


def write_settings_in_use(home: Path, settings: Mapping[str, Any]) -> None:
    """Keep the settings with which the services are started, by section and key."""
    write_atomically(settings_file(home), msgspec.json.encode(settings))


def settings_in_use(home: Path) -> dict[str, Any] | None:
    """Return the settings with which the services were started; None if they are not known."""
    try:
        return msgspec.json.decode(settings_file(home).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return None


def abandoned_status(home: Path) -> SupervisorStatus | None:
    """Return the last status of a supervisor that ended without `retread down`."""
    status = read_status(state_file(home))
    return status if status and not status.is_running and not is_supervised(home) else None


def running_status(home: Path) -> SupervisorStatus | None:
    """Return the status of the running supervisor; None if none runs."""
    status = read_status(state_file(home))
    return status if status and status.is_running else None


def _run_folder(home: Path) -> Path:
    return home / "run"
