"""`retread demo iris`, for real: processes, HTTP, drift, retraining, promotion."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from retread.cli.main import run


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_loop_closes_and_leaves_no_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "there"
    code = run(["demo", "iris", "--folder", str(folder), "--json"])
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert code == 0, summary["goals"]
    assert summary["closed"]
    stages = {row["version"]: row["stage"] for row in summary["versions"]}
    assert stages[1] == "Archived"
    assert "Production" in stages.values()
    assert any("the traffic has changed" in message for message in summary["messages"])
    assert "4  The world changes" in captured.err
    assert not left_over(folder)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "there"
    command = [sys.executable, "-c", "from retread.cli.main import main; main()", "demo", "iris"]
    with subprocess.Popen([*command, "--folder", str(folder)], stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert any(b"A quiet shift" in line for line in demo.stdout)
        assert len(left_over(folder)) >= 2
        demo.send_signal(number)
        demo.communicate()
    assert demo.returncode != 0
    deadline = time.monotonic() + 20
    while left_over(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_over(folder) == []


def left_over(folder: Path) -> list[str]:
    """Processes that were started for the project in `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(folder) in command:
            found.append(command)
    return found
