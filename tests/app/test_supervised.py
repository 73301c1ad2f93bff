"""A supervised service, by a clock that the test advances, with real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.app.test_supervisor import service_of
from tests.serving.running import until

from retread.app.supervisor import Service, ServiceProcess, ServiceState, free_port
from retread.app.supervisor.supervised import (
    MISSED_PROBES_TO_KILL,
    PROBE_INTERVAL_S,
    STARTUP_TIMEOUT_S,
    SupervisedService,
)
from retread.core import ManualClock
from retread.core.parent_watch import ParentPipe

SILENT = "import time; time.sleep(600)"


class Bench:
    """A clock, a log and the processes that a service starts."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.pipe = ParentPipe()
        self.log = folder / "service.log"
        self.processes: list[ServiceProcess] = []

    def start(self, service: Service) -> ServiceProcess:
        self.processes.append(ServiceProcess(service, self.log, self.pipe.child_end, os.environ))
        return self.processes[-1]

    def supervise(self, service: Service) -> SupervisedService:
        return SupervisedService(service, self.start, self.clock)

    def advance(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for process in made.processes:
        process.kill_group()
    made.pipe.close()


def in_state(supervised: SupervisedService, state: ServiceState) -> bool:
    supervised.update()
    return supervised.status().state is state


@pytest.mark.slow
def test_a_server_that_stops_responding_is_restarted(bench: Bench) -> None:
    port = free_port()
    arguments = (str(port), "--bind", "127.0.0.1")
    server = Service(name="web", module="http.server", arguments=arguments, port=port, probe="/")
    supervised = bench.supervise(server)
    until(partial(in_state, supervised, ServiceState.READY), "ready")
    (hung,) = bench.processes

    # One missed probe between two successful ones is not a reason.
    for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP):
        os.killpg(hung.pid, number)
        bench.advance(PROBE_INTERVAL_S)
        assert in_state(supervised, ServiceState.READY)
    for _ in range(MISSED_PROBES_TO_KILL - 2):
        bench.advance(PROBE_INTERVAL_S)
        assert in_state(supervised, ServiceState.READY)
    bench.advance(PROBE_INTERVAL_S)
    assert in_state(supervised, ServiceState.WAITING)
    assert supervised.status().last_lines[-1] == "(killed: it failed 3 probes in a row)"
    assert hung.exit_code() == -signal.SIGKILL

    bench.advance(1.0)
    until(partial(in_state, supervised, ServiceState.READY), "ready again")
    assert supervised.status().restarts == 1


def test_a_service_that_never_becomes_ready_is_restarted(bench: Bench, tmp_path: Path) -> None:
    supervised = bench.supervise(service_of(tmp_path, "silent", SILENT))
    assert in_state(supervised, ServiceState.STARTING)
    bench.advance(STARTUP_TIMEOUT_S - 1)
    assert in_state(supervised, ServiceState.STARTING)
    bench.advance(1)
    assert in_state(supervised, ServiceState.WAITING)
    assert supervised.status().last_lines[-1] == "(killed: it was not ready after 120 s)"
    bench.advance(1)
    assert in_state(supervised, ServiceState.STARTING)
    assert len(bench.processes) == 2


def test_a_service_that_cannot_be_started_is_retried(bench: Bench, tmp_path: Path) -> None:
    bench.log.mkdir()  # no log can be written
    supervised = bench.supervise(
        service_of(tmp_path, "ready", "print('ready', flush=True)\n" + SILENT)
    )
    assert in_state(supervised, ServiceState.WAITING)
    assert "could not be started" in supervised.status().last_lines[-1]
    bench.log.rmdir()
    bench.advance(1)
    until(partial(in_state, supervised, ServiceState.READY), "ready")


def test_the_ready_line_is_found_in_a_log_that_was_rotated(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"""
import pathlib, time
while not pathlib.Path({str(go)!r}).exists():
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)
"""
    bench.log.write_bytes(b"of an earlier process\n" * 100)
    supervised = bench.supervise(service_of(tmp_path, "late", code))
    assert in_state(supervised, ServiceState.STARTING)
    os.truncate(bench.log, 0)
    go.touch()
    until(partial(in_state, supervised, ServiceState.READY), "ready")
