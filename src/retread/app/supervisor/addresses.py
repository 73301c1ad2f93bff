"""Where the servers of a project answer, and how their neighbours hear of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from retread.app.supervisor.state import running_status
from retread.core.address import http_address
from retread.project import LoadedProject, Settings

LOOPBACK = "127.0.0.1"

_TRACKING = "RETREAD_TRACKING_ADDRESS"
_SERVING = "RETREAD_SERVING_ADDRESS"
_CONTROL = "RETREAD_CONTROL_ADDRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """`http://HOST:PORT` of each server."""

    tracking: str
    serving: str
    control: str


def addresses_at(settings: Settings, tracking: int, serving: int, control: int) -> Addresses:
    """Those of the servers at these ports."""
    return Addresses(
        tracking=http_address(LOOPBACK, tracking),
        serving=http_address(settings.serving.host, serving),
        control=http_address(LOOPBACK, control),
    )


def as_environment(addresses: Addresses) -> dict[str, str]:
    """What a process is told that runs beside them."""
    return {
        _TRACKING: addresses.tracking,
        _SERVING: addresses.serving,
        _CONTROL: addresses.control,
    }


def addresses_of(settings: Settings, environment: Mapping[str, str]) -> Addresses:
    """Where `up` put the servers, or else where the settings say."""
    project, serving = settings.project, settings.serving
    planned = addresses_at(settings, project.tracking_port, serving.port, project.control_port)
    return Addresses(
        tracking=environment.get(_TRACKING, planned.tracking),
        serving=environment.get(_SERVING, planned.serving),
        control=environment.get(_CONTROL, planned.control),
    )


def serving_address(project: LoadedProject, port: int | None = None) -> str:
    """Where to ask the server: at `port`, or where it runs now, or else where the settings say."""
    serving = project.settings.serving
    status = running_status(project.home) if port is None else None
    found = [s.address for s in status.services if s.name == "serving"] if status else []
    return found[0] if found else http_address(serving.host, port or serving.port)
