"""A service's life by a clock that the test moves, with real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.app.test_supervisor import written
from tests.serving.running import until

from retread.app.supervisor import Service, ServiceState
from retread.app.supervisor.child import Child
from retread.app.supervisor.service import free_port
from retread.app.supervisor.watched import (
    PROBE_EVERY_S,
    STARTED_WITHIN_S,
    UNANSWERED_TO_KILL,
    Watched,
)
from retread.core import ManualClock

SILENT = "import time; time.sleep(600)"


class Watch:
    """A watched service, and what it takes."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.lifeline, self.held = os.pipe()
        self.log = folder / "service.log"
        self.children: list[Child] = []

    def start(self, service: Service) -> Child:
        self.children.append(Child(service, self.log, self.lifeline, os.environ))
        return self.children[-1]

    def over(self, service: Service) -> Watched:
        return Watched(service, self.start, self.clock)

    def pass_(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    made = Watch(tmp_path)
    yield made
    for child in made.children:
        child.kill_group()
    os.close(made.held)
    os.close(made.lifeline)


def in_state(watched: Watched, state: ServiceState) -> bool:
    watched.look()
    return watched.status().state is state


def test_a_server_that_answers_no_more_is_started_again(watch: Watch) -> None:
    port = free_port()
    arguments = (str(port), "--bind", "127.0.0.1")
    server = Service(name="web", module="http.server", arguments=arguments, port=port, probe="/")
    watched = watch.over(server)
    until(partial(in_state, watched, ServiceState.READY), "ready")
    (hung,) = watch.children

    # One probe that is lost between two that are answered is no reason.
    for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP):
        os.killpg(hung.pid, number)
        watch.pass_(PROBE_EVERY_S)
        assert in_state(watched, ServiceState.READY)
    for _ in range(UNANSWERED_TO_KILL - 2):
        watch.pass_(PROBE_EVERY_S)
        assert in_state(watched, ServiceState.READY)
    watch.pass_(PROBE_EVERY_S)
    assert in_state(watched, ServiceState.WAITING)
    assert watched.status().last_lines[-1] == "(killed: 3 probes were not answered)"
    assert hung.exit_code() == -signal.SIGKILL

    watch.pass_(1.0)
    until(partial(in_state, watched, ServiceState.READY), "ready again")
    assert watched.status().restarts == 1


def test_what_never_becomes_ready_is_started_again(watch: Watch, tmp_path: Path) -> None:
    watched = watch.over(written(tmp_path, "silent", SILENT))
    assert in_state(watched, ServiceState.STARTING)
    watch.pass_(STARTED_WITHIN_S - 1)
    assert in_state(watched, ServiceState.STARTING)
    watch.pass_(1)
    assert in_state(watched, ServiceState.WAITING)
    assert watched.status().last_lines[-1] == "(killed: it was not ready after 120 s)"
    watch.pass_(1)
    assert in_state(watched, ServiceState.STARTING)
    assert len(watch.children) == 2


def test_what_cannot_be_started_is_tried_again(watch: Watch, tmp_path: Path) -> None:
    watch.log.mkdir()  # no log can be written
    watched = watch.over(written(tmp_path, "ready", "print('ready', flush=True)\n" + SILENT))
    assert in_state(watched, ServiceState.WAITING)
    assert "could not be started" in watched.status().last_lines[-1]
    watch.log.rmdir()
    watch.pass_(1)
    until(partial(in_state, watched, ServiceState.READY), "ready")


def test_a_log_that_is_cut_off_before_ready_still_says_it(watch: Watch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"""
import pathlib, time
while not pathlib.Path({str(go)!r}).exists():
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)
"""
    watch.log.write_bytes(b"of an earlier life\n" * 100)
    watched = watch.over(written(tmp_path, "late", code))
    assert in_state(watched, ServiceState.STARTING)
    os.truncate(watch.log, 0)
    go.touch()
    until(partial(in_state, watched, ServiceState.READY), "ready")
