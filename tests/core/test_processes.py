from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from retread.core.processes import (
    ProcessIdentity,
    available_memory,
    end_processes,
    identify_process,
    is_running,
    processes_with_variable,
)

MARK = "RETREAD_TEST_OF_PROCESSES"
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
FAMILY = (
    "import subprocess, sys, time\n"
    f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)\n"
    "time.sleep(60)\n"
)


@contextmanager
def running(code: str, mark: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A process that has printed its first line."""
    environment = {**os.environ, MARK: mark}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def identified(pid: int) -> ProcessIdentity:
    identity = identify_process(pid)
    assert identity is not None
    return identity


def test_a_process_is_the_same_until_it_ends() -> None:
    with running(SLEEP) as process:
        identity = identified(process.pid)
        time.sleep(0.05)
        assert identified(process.pid) == identity
        assert is_running(identity)
        process.kill()
        # A zombie, which has ended although its number is not free yet.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(identity)
        assert identify_process(process.pid) is None
    assert not is_running(identity)


def test_a_reused_number_is_another_process() -> None:
    assert is_running(identified(os.getpid()))
    assert not is_running(ProcessIdentity(os.getpid(), "1.00"))


@pytest.mark.parametrize("pid", [-1, 2**22 + 1])
def test_an_unused_pid_has_no_identity(pid: int) -> None:
    assert identify_process(pid) is None


def test_the_identity_survives_a_change_of_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identified(os.getpid())
    started, booted = psutil.Process().create_time(), psutil.boot_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: started + 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 3600)
    assert identified(os.getpid()) == before


def test_processes_are_found_by_a_variable_that_they_inherited(tmp_path: Path) -> None:
    mark = str(tmp_path)
    with running(SLEEP, mark=f"{mark}/other"), running(FAMILY, mark) as parent:
        family = processes_with_variable(MARK, mark)
        assert len(family) == 2
        assert identified(parent.pid) in family
        parent.kill()
        parent.wait()
        (orphan,) = processes_with_variable(MARK, mark)
        end_processes([orphan], grace_s=5.0)
        assert processes_with_variable(MARK, mark) == ()


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    with running(STUBBORN) as stubborn, running(SLEEP) as willing:
        end_processes([identified(p.pid) for p in (stubborn, willing)], grace_s=0.2)
        assert stubborn.wait(1) == -signal.SIGKILL
        assert willing.wait(1) == -signal.SIGTERM


def test_a_process_that_took_over_a_number_is_not_ended() -> None:
    with running(SLEEP) as process:
        end_processes([ProcessIdentity(process.pid, "1.00")], grace_s=0.1)
        assert process.poll() is None


def test_memory_is_what_the_machine_and_its_cgroups_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files' cache counts as free, and the tightest of the enclosing groups decides."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=5_120_000))
    group = tmp_path / "sys/fs/cgroup/outer/inner"
    group.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/outer/inner\n")
    assert available_memory(tmp_path) == 5_120_000
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("100\n")
    (group.parent / "memory.max").write_text("3000000\n")
    (group.parent / "memory.current").write_text("1000000\n")
    (group.parent / "memory.stat").write_text("anon 1\ninactive_file 400000\n")
    assert available_memory(tmp_path) == 2_400_000


def test_this_machine_has_memory() -> None:
    assert available_memory() > 0


@pytest.mark.slow
def test_psutil_is_loaded_only_where_it_is_needed() -> None:
    code = "import sys, retread.core, retread.core.processes; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
