"""The supervisor: starts every service, restarts those that end, and stops all with itself."""

from __future__ import annotations

import logging
import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Self

from retread.app.supervisor.orphans import SUPERVISED_BY, reap_orphans
from retread.app.supervisor.process import ServiceProcess, rotate, stop_all
from retread.app.supervisor.service import Service
from retread.app.supervisor.state import (
    SupervisorStatus,
    state_file,
    supervisor_lock,
    write_settings_in_use,
    write_status,
)
from retread.app.supervisor.supervised import SupervisedService
from retread.core import Clock
from retread.core.parent_watch import ParentPipe
from retread.core.processes import identify_process
from retread.project import LoadedProject

STOP_TIMEOUT_S = 10.0
_STARTING_INTERVAL_S = 0.1
_STEADY_INTERVAL_S = 5.0

log = logging.getLogger(__name__)


class ServiceSupervisor:
    """Runs services until it receives SIGTERM, SIGINT or SIGHUP.

    Args:
        project: The project they belong to.
        services: What to run, in the order in which it starts.
        clock: Source of time.
        environment: Environment variables of the processes.
        on_status: Called with the status whenever it changes.
    """

    def __init__(
        self,
        project: LoadedProject,
        services: Sequence[Service],
        clock: Clock,
        environment: Mapping[str, str],
        on_status: Callable[[SupervisorStatus], None] = lambda _: None,
    ) -> None:
        self._project = project
        self._on_status = on_status
        self._since = clock.now()
        identity = identify_process(os.getpid())
        self._start_time = identity.start_time if identity else ""
        self._environment = {**environment, SUPERVISED_BY: str(project.home)}
        self._pipe = ParentPipe()
        self._supervised = [SupervisedService(s, self._start, clock) for s in services]
        self._written: SupervisorStatus | None = None
        self._logged: set[str] = set()

    def run(self) -> None:
        """Run until a signal ends it.

        Raises:
            Conflict: Another supervisor runs in this project.
        """
        with supervisor_lock(self._project.home), SignalWaiter() as signals:
            reap_orphans(self._project.home)
            used = self._project.settings.model_dump(mode="json")
            try:
                self._attempt(
                    "The settings", partial(write_settings_in_use, self._project.home, used)
                )
                self._attempt("The status", self._publish)
                while not signals.stop_requested:
                    for supervised in self._supervised:
                        name, its_log = supervised.service.name, self._log(supervised.service)
                        self._attempt(name, supervised.update)
                        self._attempt(f"The log of {name}", partial(rotate, its_log))
                    self._attempt("The status", self._publish)
                    signals.wait(self._interval())
            finally:
                self._stop()

    def _attempt(self, part: str, work: Callable[[], None]) -> None:
        """Do `work`; a failure is logged once, retried in the next round and ends nothing else."""
        try:
            work()
        except OSError as error:
            failure = f"{part}: {error}"
            if failure not in self._logged:
                self._logged.add(failure)
                log.warning("%s", failure)

    def _start(self, service: Service) -> ServiceProcess:
        return ServiceProcess(service, self._log(service), self._pipe.child_end, self._environment)

    def _interval(self) -> float:
        steady = all(supervised.is_steady for supervised in self._supervised)
        return _STEADY_INTERVAL_S if steady else _STARTING_INTERVAL_S

    def _publish(self) -> None:
        status = SupervisorStatus(
            pid=os.getpid(),
            start_time=self._start_time,
            since=self._since,
            services=tuple(supervised.status() for supervised in self._supervised),
        )
        if status != self._written:
            write_status(state_file(self._project.home), status)
            self._written = status
            self._on_status(status)

    def _stop(self) -> None:
        # The loop first: what it has started may still need the others.
        running = [s.process for s in reversed(self._supervised) if s.process is not None]
        stop_all(running, STOP_TIMEOUT_S)
        self._pipe.close_parent_end()
        reap_orphans(self._project.home)

    def _log(self, service: Service) -> Path:
        return self._project.logs / f"{service.name}.log"


class SignalWaiter:
    """While entered, signals that stop the supervisor, and SIGCHLD, end `wait` early."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # SIGINT even where it is ignored, as in background jobs of a script: a sender of SIGINT to
        # this process wants it to stop. An ignored SIGHUP stays ignored, as nohup intends.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._request_stop)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or at the next signal."""
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if ready:
            os.read(self._reading, 4096)

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True


def ignore_hangup() -> None:
    """Ignore SIGHUP, for a supervisor that outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
