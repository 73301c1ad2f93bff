"""The services of a project: what is run, where each listens, and how it is known to be ready."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from retread.app.supervisor.state import running_status
from retread.core.http_client import http_address
from retread.project import LoadedProject, Settings

LOOPBACK = "127.0.0.1"

_TRACKING = "RETREAD_TRACKING_ADDRESS"
_SERVING = "RETREAD_SERVING_ADDRESS"
_CONTROL = "RETREAD_CONTROL_ADDRESS"

# glibc gives each thread its own arena; these processes rarely allocate in parallel.
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `python -m module arguments`.

    It is ready when `probe` (a path) returns 200 on `port`, or, without a port, when its log
    contains the line `ready_line`. `setting` names the key of retread.toml that sets the port.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    host: str = LOOPBACK
    port: int | None = None
    probe: str = "/"
    setting: str = ""
    ready_line: str = "ready"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str | None:
        """URL of the service; None for a process without a port."""
        return http_address(self.host, self.port) if self.port else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """`http://HOST:PORT` of each server."""

    tracking: str
    serving: str
    control: str


def services_of(project: LoadedProject) -> tuple[Service, ...]:
    """List tracking, serving, control and the loop, in the order in which they start.

    A port of 0 in the settings is replaced by a free one.
    """
    settings = project.settings
    arguments = ("--project", str(project.root))
    tracking = settings.project.tracking_port or free_port()
    serving = settings.serving.port or free_port()
    control = settings.project.control_port or free_port()
    addresses = _addresses_at(settings, tracking, serving, control)
    with_addresses = _FEW_ARENAS | _as_environment(addresses)
    return (
        Service(
            name="tracking",
            module="retread.app.tracking",
            arguments=(*arguments, "--port", str(tracking)),
            port=tracking,
            probe="/health",
            setting="[project] tracking_port",
            environment=_FEW_ARENAS,
        ),
        Service(
            name="serving",
            module="retread.serving",
            arguments=(*arguments, "--port", str(serving)),
            host=settings.serving.host,
            port=serving,
            probe="/v2/health/live",
            setting="[serving] port",
        ),
        Service(
            name="control",
            module="retread.app.control",
            arguments=(*arguments, "--port", str(control)),
            port=control,
            probe="/api/health",
            setting="[project] control_port",
            environment=with_addresses,
        ),
        Service(
            name="loop",
            module="retread.app.run_loop",
            arguments=arguments,
            environment=with_addresses,
        ),
    )


def addresses_of(settings: Settings, environment: Mapping[str, str]) -> Addresses:
    """Return the server addresses that `up` passed in `environment`, or those of the settings."""
    project, serving = settings.project, settings.serving
    configured = _addresses_at(settings, project.tracking_port, serving.port, project.control_port)
    return Addresses(
        tracking=environment.get(_TRACKING, configured.tracking),
        serving=environment.get(_SERVING, configured.serving),
        control=environment.get(_CONTROL, configured.control),
    )


def serving_address(project: LoadedProject, port: int | None = None) -> str:
    """Return the URL of the inference server.

    Args:
        project: The project whose server is meant.
        port: Port to use. Default: that of the running server, or else the one in the settings.
    """
    serving = project.settings.serving
    status = running_status(project.home) if port is None else None
    running = [s.address for s in status.services if s.name == "serving"] if status else []
    found = running[0] if running else None
    return found or http_address(serving.host, port or serving.port)


def free_port() -> int:
    """Find a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _addresses_at(settings: Settings, tracking: int, serving: int, control: int) -> Addresses:
    return Addresses(
        tracking=http_address(LOOPBACK, tracking),
        serving=http_address(settings.serving.host, serving),
        control=http_address(LOOPBACK, control),
    )


def _as_environment(addresses: Addresses) -> dict[str, str]:
    return {
        _TRACKING: addresses.tracking,
        _SERVING: addresses.serving,
        _CONTROL: addresses.control,
    }
