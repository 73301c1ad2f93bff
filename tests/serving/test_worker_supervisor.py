"""Worker processes that end are restarted, each on its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.serving.running import until

from retread.core.processes import identify_process

PROGRAM = """
import sys, time
from pathlib import Path
number = sys.argv[sys.argv.index("--worker") + 1]
starts = Path(sys.argv[1]) / number
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
if number != "0":
    sys.exit(3)
time.sleep(60)
"""
SUPERVISOR = """
import sys
from retread.serving.worker_supervisor import WorkerSupervisor
sys.exit(WorkerSupervisor([sys.executable, sys.argv[1], sys.argv[2]], 4).run())
"""


def test_failing_workers_are_restarted_independently(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(PROGRAM)
    starts = tmp_path / "starts"
    starts.mkdir()
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(program), str(starts)], stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: len(list(starts.iterdir())) == 4, "every worker has started")

        def restarted() -> bool:
            return all(len((starts / number).read_text()) >= 2 for number in "123")

        until(restarted, "every failing worker has been restarted")

        def running() -> list[psutil.Process]:
            children = psutil.Process(supervisor.pid).children()
            return [one for one in children if one.status() != psutil.STATUS_ZOMBIE]

        # One that has just been started would end by the signal, as a drained one may.
        until(lambda: len(running()) == 1, "every failing worker has failed again")
        assert (starts / "0").read_text() == "x"
    finally:
        supervisor.send_signal(signal.SIGTERM)
        code = supervisor.wait(30)
    # The failing workers were not drained.
    assert code == 1


@pytest.mark.slow
def test_workers_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from retread.core.parent_watch import ParentWatch, terminate_process\n"
        "pipe = int(sys.argv[sys.argv.index('--parent-pipe') + 1])\n"
        "number = sys.argv[sys.argv.index('--worker') + 1]\n"
        "ParentWatch(pipe, terminate_process).start()\n"
        "(Path(sys.argv[1]) / number).write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(program), str(pids)])
    files = [pids / str(number) for number in range(4)]
    until(lambda: all(f.exists() and f.read_text() for f in files), "every worker has started")
    workers = [int(file.read_text()) for file in files]
    supervisor.kill()
    supervisor.wait(10)
    until(lambda: not any(map(identify_process, workers)), "every worker has ended")
