"""One service's life: starting, ready, dead and waiting, starting again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from retread.app.supervisor.child import Child
from retread.app.supervisor.restart import deaths_in_a_row, delay_before_restart
from retread.app.supervisor.service import Service
from retread.app.supervisor.state import ServiceState, ServiceStatus
from retread.core import Clock

STARTED_WITHIN_S = 120.0
PROBE_EVERY_S = 30.0
UNANSWERED_TO_KILL = 3


class Watched:
    """A service and its current process, if there is one. `look` moves it on."""

    def __init__(self, service: Service, start: Callable[[Service], Child], clock: Clock) -> None:
        self.service = service
        self.child: Child | None = None
        self._start = start
        self._clock = clock
        self._state = ServiceState.STARTING
        self._since = clock.now()
        self._since_monotonic = clock.monotonic()
        self._deaths = 0
        self._restarts = 0
        self._next_start = 0.0
        self._next_probe = 0.0
        self._unanswered = 0
        self._last_lines: tuple[str, ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether nothing is expected to change soon."""
        return self._state is ServiceState.READY

    def look(self) -> None:
        """Start what should run, end what hangs, notice what died and what became ready."""
        if self.child is None:
            if self._clock.monotonic() >= self._next_start:
                self._begin()
        elif (code := self.child.exit_code()) is not None:
            self._over(self.child, f"ended with {_in_words(code)}")
        elif self._state is ServiceState.STARTING:
            self._look_at_start(self.child)
        elif self.service.port:
            self._probe(self.child)

    def status(self) -> ServiceStatus:
        child = self.child
        wait = timedelta(seconds=max(0.0, delay_before_restart(self._deaths)))
        return ServiceStatus(
            name=self.service.name,
            state=self._state,
            address=self.service.address,
            pid=child.pid if child else 0,
            born=child.born if child else "",
            since=self._since.isoformat(timespec="seconds"),
            restarts=self._restarts,
            next_start="" if child else (self._since + wait).isoformat(timespec="seconds"),
            last_lines=self._last_lines,
        )

    def _begin(self) -> None:
        try:
            self.child = self._start(self.service)
        except OSError as error:  # no process to be had, or no place for its log
            self._wait((f"(could not be started: {error})",))
        else:
            self._enter(ServiceState.STARTING)

    def _look_at_start(self, child: Child) -> None:
        if child.is_ready():
            self._enter(ServiceState.READY)
        elif self._lasts() >= STARTED_WITHIN_S:
            self._over(child, f"killed: it was not ready after {STARTED_WITHIN_S:.0f} s")

    def _probe(self, child: Child) -> None:
        """A server that answers no more is ended, so that it is started again."""
        if self._clock.monotonic() < self._next_probe:
            return
        self._next_probe = self._clock.monotonic() + PROBE_EVERY_S
        self._unanswered = 0 if child.is_ready() else self._unanswered + 1
        if self._unanswered >= UNANSWERED_TO_KILL:
            self._over(child, f"killed: {self._unanswered} probes were not answered")

    def _over(self, child: Child, how: str) -> None:
        child.kill_group()
        self.child = None
        self._wait((*child.last_words(), f"({how})"))

    def _wait(self, last_lines: tuple[str, ...]) -> None:
        """Until it is started again."""
        ready_for = self._lasts() if self._state is ServiceState.READY else 0.0
        self._deaths = deaths_in_a_row(self._deaths, ready_for)
        self._restarts += 1
        self._last_lines = last_lines
        self._next_start = self._clock.monotonic() + delay_before_restart(self._deaths)
        self._enter(ServiceState.WAITING)

    def _lasts(self) -> float:
        """Seconds in this state."""
        return self._clock.monotonic() - self._since_monotonic

    def _enter(self, state: ServiceState) -> None:
        self._state = state
        self._since = self._clock.now()
        self._since_monotonic = self._clock.monotonic()
        self._unanswered = 0
        self._next_probe = self._since_monotonic + PROBE_EVERY_S


def _in_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
