"""Run services of a project for as long as a demo lasts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Self

from retread.app.supervisor import SUPERVISED_BY, Service, ServiceProcess, services_of, stop_all
from retread.core import Unavailable
from retread.core.parent_watch import ParentPipe
from retread.project import LoadedProject

READY_WITHIN_S = 60.0
_END_WITHIN_S = 10.0


class Services:
    """Some of the services that `retread up` starts.

    They end with the `with` block, and however this process ends.
    """

    def __init__(
        self, project: LoadedProject, names: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self._project = project
        self._environment = {**env, SUPERVISED_BY: str(project.home)}
        self._pipe = ParentPipe()
        self._services = {s.name: s for s in services_of(project) if s.name in names}
        self._children: dict[str, ServiceProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop_all(list(reversed(self._children.values())), _END_WITHIN_S)
        self._pipe.close()

    def address(self, name: str) -> str:
        """Return the URL of a service that listens."""
        address = self._services[name].address
        assert address is not None, f"{name} has no port"
        return address

    def start(self, name: str) -> None:
        """Start a service; it may not be ready yet."""
        service = self._services[name]
        log = self._project.logs / f"{name}.log"
        self._children[name] = ServiceProcess(service, log, self._pipe.child_end, self._environment)

    def wait_until_ready(self, name: str) -> None:
        """Wait for a service that was started.

        Raises:
            Unavailable: A service ended, or this one is not ready in time; its log is quoted.
        """
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._children[name].is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise _failed(self._services[name], "did not become ready", self._children[name])
            time.sleep(0.05)

    def check(self) -> None:
        """Check that every service that was started still runs.

        Raises:
            Unavailable: A service ended; its log is quoted.
        """
        for name, child in self._children.items():
            if child.exit_code() is not None:
                raise _failed(self._services[name], "ended", child)


def _failed(service: Service, how: str, child: ServiceProcess) -> Unavailable:
    log = "\n".join(child.log_tail())
    return Unavailable(f"The service {service.name!r} {how}. The end of its log:\n{log}")
