"""The real processes of a project, for as long as a demo lasts."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Self

from retread.app.supervisor import SUPERVISED_BY, Service, ServiceProcess, services_of, stop_all
from retread.core import Unavailable
from retread.project import LoadedProject

READY_WITHIN_S = 60.0
_END_WITHIN_S = 10.0


class Services:
    """Some of what `retread up` starts: ends when left, and however this process ends."""

    def __init__(
        self, project: LoadedProject, names: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self._project = project
        self._environment = {**env, SUPERVISED_BY: str(project.home)}
        self._lifeline, self._held = os.pipe()
        self._services = {s.name: s for s in services_of(project) if s.name in names}
        self._children: dict[str, ServiceProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop_all(list(reversed(self._children.values())), _END_WITHIN_S)
        os.close(self._held)
        os.close(self._lifeline)

    def address(self, name: str) -> str:
        return self._services[name].address or ""

    def start(self, name: str) -> None:
        service = self._services[name]
        log = self._project.logs / f"{name}.log"
        self._children[name] = ServiceProcess(service, log, self._lifeline, self._environment)

    def wait_until_ready(self, name: str) -> None:
        """Raises Unavailable with its last words if it ends, or is not ready in time."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._children[name].is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise _silent(self._services[name], "did not become ready", self._children[name])
            time.sleep(0.05)

    def check(self) -> None:
        """Raises Unavailable if a process has ended."""
        for name, child in self._children.items():
            if child.exit_code() is not None:
                raise _silent(self._services[name], "ended", child)


def _silent(service: Service, how: str, child: ServiceProcess) -> Unavailable:
    words = "\n".join(child.log_tail())
    return Unavailable(f"The process {service.name!r} {how}. Its last words:\n{words}")
