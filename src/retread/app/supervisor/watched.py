"""One service's life: starting, ready, dead and waiting, starting again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from retread.app.supervisor.child import Child
from retread.app.supervisor.restart import deaths_in_a_row, delay_before_restart
from retread.app.supervisor.service import Service
from retread.app.supervisor.state import ServiceState, ServiceStatus
from retread.core import Clock


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
        self._last_lines: tuple[str, ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether nothing is expected to change soon."""
        return self._state is ServiceState.READY

    def look(self) -> None:
        """Start what should run, notice what died, and what became ready."""
        if self.child is None:
            if self._clock.monotonic() >= self._next_start:
                self.child = self._start(self.service)
                self._enter(ServiceState.STARTING)
        elif (code := self.child.exit_code()) is not None:
            self._died(self.child, code)
        elif self._state is ServiceState.STARTING and self.child.is_ready():
            self._enter(ServiceState.READY)

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

    def _died(self, child: Child, code: int) -> None:
        was_ready = self._state is ServiceState.READY
        ready_for = self._clock.monotonic() - self._since_monotonic if was_ready else 0.0
        child.kill_group()
        self._deaths = deaths_in_a_row(self._deaths, ready_for)
        self._restarts += 1
        self._last_lines = (*child.last_words(), f"(ended with {_in_words(code)})")
        self._next_start = self._clock.monotonic() + delay_before_restart(self._deaths)
        self.child = None
        self._enter(ServiceState.WAITING)

    def _enter(self, state: ServiceState) -> None:
        self._state = state
        self._since = self._clock.now()
        self._since_monotonic = self._clock.monotonic()


def _in_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
