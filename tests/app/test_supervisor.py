from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.serving.running import until

from retread.app.supervisor import (
    Service,
    ServiceState,
    Status,
    bring_up,
    delay_before_restart,
    refuse_taken_ports,
    running_status,
    services_of,
    take_down,
)
from retread.app.supervisor.down import _end_supervisor
from retread.app.supervisor.lock import is_held, only_one
from retread.app.supervisor.logs import LARGEST, bound, last_lines
from retread.app.supervisor.restart import deaths_in_a_row
from retread.app.supervisor.service import free_port
from retread.app.supervisor.state import lock_file, read_status, state_file
from retread.core import Conflict, Refused
from retread.project import LoadedProject

SUPERVISING = Path(__file__).with_name("supervising.py")

# A service that has a child of its own in another session, as a training has.
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


def test_each_death_in_a_row_doubles_the_wait_up_to_half_a_minute() -> None:
    delays = [delay_before_restart(deaths) for deaths in range(1, 200)]
    assert delays[:3] == [0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == 30.0


def test_a_good_minute_forgives_earlier_deaths() -> None:
    assert deaths_in_a_row(5, ready_for_s=10.0) == 6
    assert deaths_in_a_row(5, ready_for_s=60.0) == 1


def test_services_become_ready_and_end_together(project: LoadedProject, tmp_path: Path) -> None:
    port = free_port()
    server = Service(
        name="web",
        module="http.server",
        arguments=(str(port), "--bind", "127.0.0.1"),
        port=port,
        probe="/",
    )
    with Supervised(project, tmp_path, server, written(tmp_path, "family", FAMILY)) as supervised:
        status = supervised.until(lambda status: status.is_ready)
        assert [service.address for service in status.services] == [f"http://127.0.0.1:{port}", ""]
        family = supervised.family()
        assert len(family) == 4  # supervisor, server, service, and its child
        assert take_down(project.home)
        assert not living(family - {supervised.process})
    assert list((project.home / "run").iterdir()) == []
    assert running_status(project.home) is None
    assert not take_down(project.home)


def test_a_service_that_dies_is_started_again(project: LoadedProject, tmp_path: Path) -> None:
    with Supervised(project, tmp_path, written(tmp_path, "family", FAMILY)) as supervised:
        first = supervised.until(lambda status: status.is_ready).services[0]
        os.kill(first.pid, signal.SIGKILL)
        second = supervised.until(
            lambda status: status.is_ready and status.services[0].pid != first.pid
        ).services[0]
        assert second.restarts == 1
        assert second.last_lines[-1] == "(ended with signal 9)"


def test_a_service_that_keeps_dying_is_shown_with_its_last_words(
    project: LoadedProject, tmp_path: Path
) -> None:
    with Supervised(project, tmp_path, written(tmp_path, "dying", DYING)) as supervised:
        service = supervised.until(lambda status: status.services[0].restarts >= 2).services[0]
        assert service.last_lines[-2:] == ("no database", "(ended with exit code 3)")
        waiting = supervised.until(
            lambda status: status.services[0].state is ServiceState.WAITING
        ).services[0]
        assert waiting.next_start > waiting.since


def test_a_file_that_cannot_be_written_ends_no_service(
    project: LoadedProject, tmp_path: Path
) -> None:
    """As on a full disk: the log of one is too long to be moved, then the status fails."""
    log = project.logs / "family.log"
    log.write_bytes(b"x" * (LARGEST + 1))
    (project.logs / "family.log.1").mkdir()
    with Supervised(project, tmp_path, written(tmp_path, "family", FAMILY)) as supervised:
        first = supervised.until(lambda status: status.is_ready).services[0]
        status = state_file(project.home)
        status.unlink()
        (status / "in the way").mkdir(parents=True)
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: log.read_bytes().count(b"ready") == 2, "started again")
        (status / "in the way").rmdir()
        status.rmdir()
        second = supervised.until(lambda status: status.is_ready).services[0]
        assert (second.restarts, log.stat().st_size > LARGEST) == (1, True)


def test_services_end_with_a_supervisor_that_is_killed(
    project: LoadedProject, tmp_path: Path
) -> None:
    with Supervised(project, tmp_path, written(tmp_path, "family", FAMILY)) as supervised:
        supervised.until(lambda status: status.is_ready)
        service = psutil.Process(supervised.until(lambda _: True).services[0].pid)
        supervised.process.kill()
        supervised.process.wait(10)
        service.wait(5)
        assert running_status(project.home) is None


@pytest.mark.slow
def test_down_finds_what_a_killed_supervisor_left(project: LoadedProject, tmp_path: Path) -> None:
    service = written(tmp_path, "stubborn", STUBBORN)
    with Supervised(project, tmp_path, service, written(tmp_path, "family", FAMILY)) as supervised:
        supervised.until(lambda status: status.is_ready)
        family = supervised.family()
        supervised.process.kill()
        supervised.process.wait(10)
        assert take_down(project.home)
        assert not living(family - {supervised.process})
    assert list((project.home / "run").iterdir()) == []


def test_only_one_supervisor_holds_a_project(project: LoadedProject) -> None:
    path = lock_file(project.home)
    with only_one(path):
        with pytest.raises(Conflict, match="already up"), only_one(path):
            pass
        with pytest.raises(Conflict, match="already up"):
            bring_up(project, ())
    with only_one(path):
        assert path.exists()
    assert not path.exists()


def test_down_waits_for_who_holds_the_project_without_having_said_so(
    project: LoadedProject,
) -> None:
    """A supervisor between its lock and its first word, or another `down`."""
    path = lock_file(project.home)
    assert not is_held(path)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with only_one(path):
            held.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    assert is_held(path)
    threading.Timer(1.0, let_go.set).start()
    assert take_down(project.home) is False
    holder.join()
    assert not is_held(path)


def test_down_of_a_supervisor_that_has_just_ended_is_no_error(project: LoadedProject) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    _end_supervisor(Status(pid=ended.pid, born="1", since=""))


def test_a_status_of_a_process_that_is_gone_is_not_believed(project: LoadedProject) -> None:
    path = state_file(project.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(Status(pid=os.getpid(), born="1", since="")))
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
        with pytest.raises(Refused, match=rf"Port {port} \(serving\) is taken.*\[serving\] port"):
            bring_up(project, services)
    assert list((project.home / "run").iterdir()) == []
    refuse_taken_ports(services)


def test_port_0_takes_a_free_port(project: LoadedProject) -> None:
    services = services_of(project)
    ports = {service.port for service in services if service.name != "loop"}
    assert len(ports) == 3
    assert 0 not in ports


def test_logs_are_bounded_while_they_are_written(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * 100)
        bound(log, largest=500)
        writer.write(b"new line\n")
    assert log.read_bytes() == b"new line\n"
    assert (tmp_path / "x.log.1").stat().st_size == 900


def test_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last_lines(log) == ()
    log.write_bytes(b"x" * 100_000 + b"\none\n\n\xfftwo  \n")
    assert last_lines(log, 2) == ("one", "\ufffdtwo")


def written(folder: Path, name: str, code: str) -> Service:
    """A service whose module holds `code`."""
    (folder / f"{name}.py").write_text(code)
    return Service(name=name, module=name, environment={"PYTHONPATH": str(folder)})


def living(processes: set[psutil.Process]) -> list[psutil.Process]:
    """Those that run; a zombie that nobody reaped does not."""
    return [process for process in processes if is_living(process)]


def is_living(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Supervised:
    """A supervisor over `services`, and what it says."""

    def __init__(self, project: LoadedProject, folder: Path, *services: Service) -> None:
        self._project = project
        described = folder / "services.json"
        described.write_bytes(msgspec.json.encode(services))
        command = [sys.executable, str(SUPERVISING), str(project.root), str(described)]
        self.process = psutil.Popen(command, start_new_session=True)

    def __enter__(self) -> Supervised:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.process.terminate()
            self.process.wait(20)
        except psutil.NoSuchProcess:
            return

    def until(self, met: Callable[[Status], bool], within_s: float = 20.0) -> Status:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            status = running_status(self._project.home)
            if status is not None and met(status):
                return status
            time.sleep(0.02)
        raise AssertionError(f"not within {within_s} s: {running_status(self._project.home)}")

    def family(self) -> set[psutil.Process]:
        return {self.process, *self.process.children(recursive=True)}
