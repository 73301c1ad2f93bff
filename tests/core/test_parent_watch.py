"""Each test kills a parent with SIGKILL and sees its children end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from retread.core.parent_watch import ParentPipe, ParentWatch
from retread.core.processes import ProcessIdentity, identify_process, is_running

PARENT = """
import subprocess, sys, time
from retread.core.parent_watch import ParentPipe
pipe = ParentPipe()
command = [a.replace("FD", str(pipe.child_end)) for a in sys.argv[1:]]
child = subprocess.Popen(command, pass_fds=(pipe.child_end,), start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""

SIGNALLED = """
import signal, sys, time
from pathlib import Path
from retread.core.parent_watch import ParentWatch, terminate_process
signal.signal(signal.SIGTERM, lambda *_: (Path(sys.argv[2]).write_text("drained"), sys.exit(0)))
ParentWatch(int(sys.argv[1]), terminate_process).start()
Path(sys.argv[3]).touch()
while True:
    time.sleep(0.05)
"""

CLEANED_UP = """
import sys, time
from functools import partial
from pathlib import Path
from retread.core.parent_watch import ParentWatch, exit_process
watch = ParentWatch(int(sys.argv[1]), partial(exit_process, 2))
watch.start()
watch.on_parent_end = partial(exit_process, 2, lambda: Path(sys.argv[2]).write_text("cleaned up"))
Path(sys.argv[3]).touch()
while True:
    pass
"""

UNAWARE = """
import subprocess, sys, time
from pathlib import Path
if __name__ == "__main__":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(sys.argv[1]).write_text(str(child.pid))
    Path(sys.argv[2]).touch()
    time.sleep(60)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start_family(ready: Path, *command: str) -> tuple[subprocess.Popen[bytes], ProcessIdentity]:
    """Start a parent and, through it, `command`, in which FD stands for the pipe."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, sys.executable, *command], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = identify_process(int(parent.stdout.readline()))
    assert child is not None
    until(ready.exists)
    return parent, child


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "left"), [(SIGNALLED, "drained"), (CLEANED_UP, "cleaned up")], ids=["SIGTERM", "exit"]
)
def test_a_child_ends_in_order_when_its_parent_is_killed(
    tmp_path: Path, code: str, left: str
) -> None:
    result, ready = tmp_path / "result", tmp_path / "ready"
    parent, child = start_family(ready, "-c", code, "FD", str(result), str(ready))
    assert is_running(child)
    parent.kill()
    parent.communicate()
    until(lambda: not is_running(child))
    assert result.read_text() == left


@pytest.mark.slow
def test_a_module_that_knows_nothing_of_its_parent_ends_with_its_children(tmp_path: Path) -> None:
    (tmp_path / "unaware_module.py").write_text(UNAWARE)
    pid, ready = tmp_path / "pid", tmp_path / "ready"
    run = "import sys; sys.path.insert(0, sys.argv.pop(1)); from retread.core.parent_watch import "
    command = ("-c", f"{run} main; main(sys.argv[1:])", str(tmp_path), "FD", "unaware_module")
    parent, child = start_family(ready, *command, str(pid), str(ready))
    grandchild = identify_process(int(pid.read_text()))
    assert grandchild is not None
    parent.kill()
    parent.communicate()
    until(lambda: not is_running(child) and not is_running(grandchild))


def run_module(module: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    pipe = ParentPipe()
    command = ("-W", "error", "-m", "retread.core.parent_watch", str(pipe.child_end), module)
    ended = subprocess.run(
        [sys.executable, *command],
        pass_fds=(pipe.child_end,),
        capture_output=True,
        check=False,
        cwd=folder,
    )
    pipe.close()
    return ended


def test_it_runs_as_a_command(tmp_path: Path) -> None:
    ended = run_module("platform", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout


@pytest.mark.slow
def test_imports_of_a_service_are_not_searched_for_garbage_over_and_over(tmp_path: Path) -> None:
    growing = (
        "import gc\n"
        "before = gc.get_stats()[0]['collections']\n"
        "kept = [[] for _ in range(40_000)]\n"
        "print(gc.get_stats()[0]['collections'] - before)\n"
    )
    (tmp_path / "growing.py").write_text(growing)
    ended = run_module("growing", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) <= 1, "every 700 objects, it would be about 57 times"


@pytest.mark.slow
def test_exit_does_not_wait_for_a_clean_up_that_hangs() -> None:
    code = (
        "import time; from retread.core.parent_watch import exit_process\n"
        "exit_process(2, lambda: time.sleep(60), within_s=0.1)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=20).returncode == 2


def test_a_parent_may_end_its_children_by_closing_the_pipe() -> None:
    pipe, called = ParentPipe(), []
    code = (
        "import sys; from retread.core.parent_watch import ParentWatch, terminate_process\n"
        "import time; ParentWatch(0, terminate_process).start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe.child_end) as child:
        watch = ParentWatch(pipe.child_end, lambda: called.append(True))
        assert child.poll() is None
        pipe.close_parent_end()
        assert child.wait(20) == -signal.SIGTERM
        watch.start()
        until(lambda: called == [True])
    pipe.close()
