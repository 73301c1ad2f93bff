"""What the supervisor says about itself, in a file of the project's home that anybody may read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from retread.app.supervisor.identity import is_alive
from retread.core import write_atomically


class ServiceState(StrEnum):
    """Where a service stands."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One service. `waiting` is: it died, and is started again at `next_start`; `last_lines` are
    the end of its log when it died last."""

    name: str
    state: ServiceState
    address: str
    pid: int
    born: str
    since: str
    restarts: int = 0
    next_start: str = ""
    last_lines: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor and its services."""

    pid: int
    born: str
    since: str
    services: tuple[ServiceStatus, ...] = ()

    @property
    def is_ready(self) -> bool:
        return bool(self.services) and all(s.state is ServiceState.READY for s in self.services)


def state_file(home: Path) -> Path:
    return home / "run" / "supervisor.json"


def lock_file(home: Path) -> Path:
    return home / "run" / "supervisor.lock"


def write_status(path: Path, status: Status) -> None:
    write_atomically(path, msgspec.json.encode(status))


def read_status(path: Path) -> Status | None:
    """What was last written; None if there is nothing, or nothing readable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def running_status(home: Path) -> Status | None:
    """The status of the supervisor that runs now; None if none does."""
    status = read_status(state_file(home))
    return status if status and is_alive(status.pid, status.born) else None
