"""The supervisor: starts every service, restarts the dead, ends them all with itself."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from retread.app.supervisor.child import Child, end_all
from retread.app.supervisor.identity import birth
from retread.app.supervisor.lock import only_one
from retread.app.supervisor.logs import bound
from retread.app.supervisor.service import Service
from retread.app.supervisor.state import Status, lock_file, state_file, write_status
from retread.app.supervisor.strays import MARK, sweep
from retread.app.supervisor.wake import Wake
from retread.app.supervisor.watched import Watched
from retread.core import Clock
from retread.project import LoadedProject

STOP_WITHIN_S = 10.0
_STARTING_TICK_S = 0.1
_IDLE_TICK_S = 5.0

log = logging.getLogger(__name__)


class Supervisor:
    """Runs `services` until it is told to end by SIGTERM, SIGINT or SIGHUP."""

    def __init__(
        self,
        project: LoadedProject,
        services: Sequence[Service],
        clock: Clock,
        environment: Mapping[str, str],
        on_status: Callable[[Status], None] = lambda _: None,
    ) -> None:
        self._project = project
        self._clock = clock
        self._on_status = on_status
        self._since = clock.now().isoformat(timespec="seconds")
        self._environment = {**environment, MARK: str(project.home)}
        self._lifeline, self._held = os.pipe()
        self._watched = [Watched(service, self._start, clock) for service in services]
        self._written: Status | None = None
        self._complaints: set[str] = set()

    def run(self) -> None:
        """Raises Conflict when another supervisor holds the project."""
        with only_one(lock_file(self._project.home)), Wake() as wake:
            sweep(self._project.home)
            try:
                self._attempt("The status", self._publish)
                while not wake.told_to_end:
                    for watched in self._watched:
                        name, its_log = watched.service.name, self._log(watched.service)
                        self._attempt(name, watched.look)
                        self._attempt(f"The log of {name}", partial(bound, its_log))
                    self._attempt("The status", self._publish)
                    wake.wait(self._pause())
            finally:
                self._stop()

    def _attempt(self, what: str, work: Callable[[], None]) -> None:
        """Do `work`; what fails is tried again at the next look, and ends nothing else."""
        try:
            work()
        except OSError as error:
            complaint = f"{what}: {error}"
            if complaint not in self._complaints:
                self._complaints.add(complaint)
                log.warning("%s", complaint)

    def _start(self, service: Service) -> Child:
        return Child(service, self._log(service), self._lifeline, self._environment)

    def _pause(self) -> float:
        steady = all(watched.is_steady for watched in self._watched)
        return _IDLE_TICK_S if steady else _STARTING_TICK_S

    def _publish(self) -> None:
        pid = os.getpid()
        status = Status(
            pid=pid,
            born=birth(pid),
            since=self._since,
            services=tuple(watched.status() for watched in self._watched),
        )
        if status != self._written:
            write_status(state_file(self._project.home), status)
            self._written = status
            self._on_status(status)

    def _stop(self) -> None:
        # The loop first: what it has begun may still need the others.
        children = [w.child for w in reversed(self._watched) if w.child is not None]
        end_all(children, STOP_WITHIN_S)
        os.close(self._held)
        sweep(self._project.home)

    def _log(self, service: Service) -> Path:
        return self._project.logs / f"{service.name}.log"


def ignore_hangup() -> None:
    """For a supervisor that outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
