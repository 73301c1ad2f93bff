"""One supervised service: starting, ready, ended and waiting for its restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from retread.app.supervisor.process import ServiceProcess
from retread.app.supervisor.service import Service
from retread.app.supervisor.state import ServiceState, ServiceStatus
from retread.core import Backoff, Clock

STARTUP_TIMEOUT_S = 120.0
PROBE_INTERVAL_S = 30.0
MISSED_PROBES_TO_KILL = 3
RESET_AFTER_S = 60.0

_BACKOFF = Backoff(first_s=0.5, longest_s=30.0)


def delay_before_restart(failures: int) -> float:
    """Return the seconds to wait after the given number of consecutive failures.

    >>> delay_before_restart(1), delay_before_restart(2)
    (0.5, 1.0)
    """
    return _BACKOFF.pause_s(failures)


def consecutive_failures(before: int, ready_for_s: float) -> int:
    """Count failures, this one included; a minute of being ready resets the count.

    >>> consecutive_failures(3, ready_for_s=2.0), consecutive_failures(3, ready_for_s=90.0)
    (4, 1)
    """
    return 1 if ready_for_s >= RESET_AFTER_S else before + 1


class SupervisedService:
    """A service and its current process, if it has one.

    Args:
        service: What to run.
        start: Starts a process of it.
        clock: Source of time.
    """

    def __init__(
        self, service: Service, start: Callable[[Service], ServiceProcess], clock: Clock
    ) -> None:
        self.service = service
        self.process: ServiceProcess | None = None
        self._start = start
        self._clock = clock
        self._state = ServiceState.STARTING
        self._since = clock.now()
        self._since_monotonic = clock.monotonic()
        self._failures = 0
        self._restarts = 0
        self._next_start = 0.0
        self._next_probe = 0.0
        self._missed_probes = 0
        self._last_lines: tuple[str, ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether no change is expected soon."""
        return self._state is ServiceState.READY

    def update(self) -> None:
        """Start the process if it is due, check on it if it runs, and record what changed."""
        if self.process is None:
            if self._clock.monotonic() >= self._next_start:
                self._start_process()
        elif (code := self.process.exit_code()) is not None:
            self._end(self.process, f"ended with {_described(code)}")
        elif self._state is ServiceState.STARTING:
            self._check_startup(self.process)
        elif self.service.port:
            self._probe(self.process)

    def status(self) -> ServiceStatus:
        """Return the current status."""
        process = self.process
        delay = timedelta(seconds=delay_before_restart(self._failures))
        return ServiceStatus(
            name=self.service.name,
            state=self._state,
            address=self.service.address,
            pid=process.pid if process else None,
            since=self._since,
            restarts=self._restarts,
            next_start=None if process else self._since + delay,
            last_lines=self._last_lines,
            missed_probes=self._missed_probes,
        )

    def _start_process(self) -> None:
        try:
            self.process = self._start(self.service)
        except OSError as error:  # no process could be created, or its log not opened
            self._schedule_restart((f"(could not be started: {error})",))
        else:
            self._enter(ServiceState.STARTING)

    def _check_startup(self, process: ServiceProcess) -> None:
        if process.is_ready():
            self._enter(ServiceState.READY)
        elif self._seconds_in_state() >= STARTUP_TIMEOUT_S:
            self._end(process, f"killed: it was not ready after {STARTUP_TIMEOUT_S:.0f} s")

    def _probe(self, process: ServiceProcess) -> None:
        """Kill a server that has stopped responding, so that it is restarted."""
        if self._clock.monotonic() < self._next_probe:
            return
        self._next_probe = self._clock.monotonic() + PROBE_INTERVAL_S
        self._missed_probes = 0 if process.is_ready() else self._missed_probes + 1
        if self._missed_probes >= MISSED_PROBES_TO_KILL:
            self._end(process, f"killed: it failed {self._missed_probes} probes in a row")

    def _end(self, process: ServiceProcess, reason: str) -> None:
        process.kill_group()
        self.process = None
        self._schedule_restart((*process.log_tail(), f"({reason})"))

    def _schedule_restart(self, last_lines: tuple[str, ...]) -> None:
        ready_for = self._seconds_in_state() if self._state is ServiceState.READY else 0.0
        self._failures = consecutive_failures(self._failures, ready_for)
        self._restarts += 1
        self._last_lines = last_lines
        self._next_start = self._clock.monotonic() + delay_before_restart(self._failures)
        self._enter(ServiceState.WAITING)

    def _seconds_in_state(self) -> float:
        return self._clock.monotonic() - self._since_monotonic

    def _enter(self, state: ServiceState) -> None:
        self._state = state
        self._since = self._clock.now()
        self._since_monotonic = self._clock.monotonic()
        self._missed_probes = 0
        self._next_probe = self._since_monotonic + PROBE_INTERVAL_S


def _described(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
