"""The supervisor, over real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.serving.running import until

from retread.app.supervisor import (
    Service,
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    bring_up,
    delay_before_restart,
    free_port,
    is_supervised,
    refuse_taken_ports,
    running_status,
    services_of,
    take_down,
)
from retread.app.supervisor.lifecycle import stop_supervisor
from retread.app.supervisor.process import LARGEST_LOG, log_tail, rotate
from retread.app.supervisor.state import read_status, state_file, supervisor_lock
from retread.app.supervisor.supervised import consecutive_failures
from retread.core import Conflict, Refused
from retread.project import LoadedProject

RUN_SUPERVISOR = Path(__file__).with_name("run_supervisor.py")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# A service with a child in another session, such as a training.
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
DYING = "print('no database', flush=True); raise SystemExit(3)"


def test_each_consecutive_failure_doubles_the_delay_up_to_half_a_minute() -> None:
    delays = [delay_before_restart(failures) for failures in range(1, 200)]
    assert delays[:3] == [0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == 30.0


def test_a_minute_of_being_ready_resets_the_failures() -> None:
    assert consecutive_failures(5, ready_for_s=10.0) == 6
    assert consecutive_failures(5, ready_for_s=60.0) == 1


def test_services_become_ready_and_stop_together(project: LoadedProject, tmp_path: Path) -> None:
    port = free_port()
    server = Service(
        name="web",
        module="http.server",
        arguments=(str(port), "--bind", "127.0.0.1"),
        port=port,
        probe="/",
    )
    with Supervised(
        project, tmp_path, server, service_of(tmp_path, "family", FAMILY)
    ) as supervised:
        status = supervised.until(lambda status: status.is_ready)
        assert [service.address for service in status.services] == [
            f"http://127.0.0.1:{port}",
            None,
        ]
        processes = supervised.processes()
        assert len(processes) == 4  # supervisor, server, service, and its child
        assert take_down(project.home)
        assert not running(processes - {supervised.process})
    assert list((project.home / "run").iterdir()) == []
    assert running_status(project.home) is None
    assert not take_down(project.home)


@pytest.mark.slow
def test_a_service_that_ends_is_restarted(project: LoadedProject, tmp_path: Path) -> None:
    with Supervised(project, tmp_path, service_of(tmp_path, "family", FAMILY)) as supervised:
        first = supervised.until(lambda status: status.is_ready).services[0]
        os.kill(pid_of(first), signal.SIGKILL)
        second = supervised.until(
            lambda status: status.is_ready and status.services[0].pid != first.pid
        ).services[0]
        assert second.restarts == 1
        assert second.last_lines[-1] == "(ended with signal 9)"


@pytest.mark.slow
def test_a_service_that_keeps_failing_is_shown_with_the_end_of_its_log(
    project: LoadedProject, tmp_path: Path
) -> None:
    with Supervised(project, tmp_path, service_of(tmp_path, "dying", DYING)) as supervised:
        service = supervised.until(lambda status: status.services[0].restarts >= 2).services[0]
        assert service.last_lines[-2:] == ("no database", "(ended with exit code 3)")
        waiting = supervised.until(
            lambda status: status.services[0].state is ServiceState.WAITING
        ).services[0]
        assert waiting.next_start is not None
        assert waiting.next_start > waiting.since


@pytest.mark.slow
def test_a_file_that_cannot_be_written_stops_no_service(
    project: LoadedProject, tmp_path: Path
) -> None:
    """As on a full disk: a log cannot be rotated, then the status cannot be written."""
    log = project.logs / "family.log"
    log.write_bytes(b"x" * (LARGEST_LOG + 1))
    (project.logs / "family.log.1").mkdir()
    with Supervised(project, tmp_path, service_of(tmp_path, "family", FAMILY)) as supervised:
        first = supervised.until(lambda status: status.is_ready).services[0]
        status = state_file(project.home)
        status.unlink()
        (status / "in the way").mkdir(parents=True)
        os.kill(pid_of(first), signal.SIGKILL)
        until(lambda: log.read_bytes().count(b"ready") == 2, "restarted")
        (status / "in the way").rmdir()
        status.rmdir()
        second = supervised.until(lambda status: status.is_ready).services[0]
        assert (second.restarts, log.stat().st_size > LARGEST_LOG) == (1, True)


@pytest.mark.slow
def test_services_end_when_the_supervisor_is_killed(project: LoadedProject, tmp_path: Path) -> None:
    with Supervised(project, tmp_path, service_of(tmp_path, "family", FAMILY)) as supervised:
        supervised.until(lambda status: status.is_ready)
        service = psutil.Process(pid_of(supervised.until(lambda _: True).services[0]))
        supervised.process.kill()
        supervised.process.wait(10)
        service.wait(5)
        assert running_status(project.home) is None


@pytest.mark.slow
def test_down_reaps_the_orphans_of_a_killed_supervisor(
    project: LoadedProject, tmp_path: Path
) -> None:
    service = service_of(tmp_path, "stubborn", STUBBORN)
    with Supervised(
        project, tmp_path, service, service_of(tmp_path, "family", FAMILY)
    ) as supervised:
        supervised.until(lambda status: status.is_ready)
        processes = supervised.processes()
        supervised.process.kill()
        supervised.process.wait(10)
        assert take_down(project.home)
        assert not running(processes - {supervised.process})
    assert list((project.home / "run").iterdir()) == []


def test_a_project_has_one_supervisor_at_most(project: LoadedProject) -> None:
    with supervisor_lock(project.home):
        with pytest.raises(Conflict, match="already running"), supervisor_lock(project.home):
            pass
        with pytest.raises(Conflict, match="already running"):
            bring_up(project, ())
    with supervisor_lock(project.home):
        assert is_supervised(project.home)
    assert not is_supervised(project.home)
    assert list((project.home / "run").iterdir()) == []


def test_down_waits_for_a_supervisor_without_a_status(project: LoadedProject) -> None:
    """A supervisor between taking its lock and writing its status, or another `down`."""
    assert not is_supervised(project.home)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with supervisor_lock(project.home):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    assert is_supervised(project.home)
    threading.Timer(1.0, release.set).start()
    assert take_down(project.home) is False
    holder.join()
    assert not is_supervised(project.home)


def test_stopping_a_supervisor_that_has_just_ended_is_not_an_error(project: LoadedProject) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stop_supervisor(SupervisorStatus(pid=ended.pid, start_time="1", since=NOW))


def test_the_status_of_a_process_that_has_ended_is_ignored(project: LoadedProject) -> None:
    path = state_file(project.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    status = SupervisorStatus(pid=os.getpid(), start_time="1", since=NOW)
    path.write_bytes(msgspec.json.encode(status))
    assert read_status(path) is not None
    assert running_status(project.home) is None
    path.write_bytes(b"{")
    assert running_status(project.home) is None


def test_taken_ports_are_named_with_their_settings_before_anything_starts(
    project: LoadedProject,
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        services = (Service(name="serving", module="x", port=port, setting="[serving] port"),)
        with pytest.raises(Refused, match=rf"Port {port} \(serving\) is used.*\[serving\] port"):
            bring_up(project, services)
    assert list((project.home / "run").iterdir()) == []
    refuse_taken_ports(services)


def test_port_0_takes_a_free_port(project: LoadedProject) -> None:
    services = services_of(project)
    ports = {service.port for service in services if service.name != "loop"}
    assert len(ports) == 3
    assert 0 not in ports


def test_logs_are_rotated_while_they_are_service_of(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * 100)
        rotate(log, largest=500)
        writer.write(b"new line\n")
    assert log.read_bytes() == b"new line\n"
    assert (tmp_path / "x.log.1").stat().st_size == 900


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert log_tail(log) == ()
    log.write_bytes(b"x" * 100_000 + b"\none\n\n\xfftwo  \n")
    assert log_tail(log, 2) == ("one", "\ufffdtwo")


def service_of(folder: Path, name: str, code: str) -> Service:
    """Return a service whose module has this code."""
    (folder / f"{name}.py").write_text(code)
    return Service(name=name, module=name, environment={"PYTHONPATH": str(folder)})


def pid_of(service: ServiceStatus) -> int:
    assert service.pid is not None
    return service.pid


def running(processes: set[psutil.Process]) -> list[psutil.Process]:
    """Return those that run; a zombie that nobody reaped does not."""
    return [process for process in processes if is_running(process)]


def is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Supervised:
    """While entered, a supervisor of the services; reads its status."""

    def __init__(self, project: LoadedProject, folder: Path, *services: Service) -> None:
        self._project = project
        described = folder / "services.json"
        described.write_bytes(msgspec.json.encode(services))
        command = [sys.executable, str(RUN_SUPERVISOR), str(project.root), str(described)]
        self.process = psutil.Popen(command, start_new_session=True)

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.process.terminate()
            self.process.wait(20)
        except psutil.NoSuchProcess:
            return

    def until(
        self, met: Callable[[SupervisorStatus], bool], within_s: float = 20.0
    ) -> SupervisorStatus:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            status = running_status(self._project.home)
            if status is not None and met(status):
                return status
            time.sleep(0.02)
        raise AssertionError(f"not within {within_s} s: {running_status(self._project.home)}")

    def processes(self) -> set[psutil.Process]:
        return {self.process, *self.process.children(recursive=True)}
