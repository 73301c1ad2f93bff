"""What is run: its module, its port, and how it is known to be ready."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from retread.app.supervisor.addresses import LOOPBACK, addresses_at, as_environment
from retread.core.address import http_address
from retread.project import LoadedProject

# glibc gives each thread an arena of its own; these processes hardly allocate in parallel.
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `python -m module arguments`.

    Ready is: `probe` (a path) answers 200 on `port`, or, without a port, a line of its log is
    `ready_line`. `setting` names the key of retread.toml that moves the port.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    host: str = LOOPBACK
    port: int = 0
    probe: str = ""
    setting: str = ""
    ready_line: str = "ready"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where people find it; '' for a process without a port."""
        return http_address(self.host, self.port) if self.port else ""


def services_of(project: LoadedProject) -> tuple[Service, ...]:
    """Tracking, serving, control and the loop, in the order in which they start."""
    settings = project.settings
    where = ("--project", str(project.root))
    tracking = settings.project.tracking_port or free_port()
    serving = settings.serving.port or free_port()
    control = settings.project.control_port or free_port()
    told = _FEW_ARENAS | as_environment(addresses_at(settings, tracking, serving, control))
    return (
        Service(
            name="tracking",
            module="retread.app.tracking",
            arguments=(*where, "--port", str(tracking)),
            port=tracking,
            probe="/health",
            setting="[project] tracking_port",
            environment=_FEW_ARENAS,
        ),
        Service(
            name="serving",
            module="retread.serving",
            arguments=(*where, "--port", str(serving)),
            host=settings.serving.host,
            port=serving,
            probe="/v2/health/live",
            setting="[serving] port",
        ),
        Service(
            name="control",
            module="retread.app.control",
            arguments=(*where, "--port", str(control)),
            port=control,
            probe="/api/health",
            setting="[project] control_port",
            environment=told,
        ),
        Service(
            name="loop",
            module="retread.app.run_loop",
            arguments=where,
            environment=told,
        ),
    )


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
