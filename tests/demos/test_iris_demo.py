"""`retread demo iris`, for real: processes, HTTP, drift, retraining, promotion."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from retread.app import Workspace
from retread.app.supervisor import free_port
from retread.cli.main import run
from retread.demos.event_reporter import events_of
from retread.project import open_project
from retread.registry.events import VersionRegistered
from retread.training.tracking.runs import MlflowRuns, RunSummary

RETREAD = [sys.executable, "-c", "from retread.cli.main import main; main()"]
PORTS = ("SERVING__PORT", "PROJECT__CONTROL_PORT", "PROJECT__TRACKING_PORT")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_loop_closes_and_what_it_leaves_can_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The links are those of this user's settings.
    for port in PORTS:
        monkeypatch.setenv(f"RETREAD__{port}", str(free_port()))
    folder = tmp_path / "new"
    code = run(["demo", "iris", "--folder", str(folder), "--seed", "1", "--json"])
    captured = capsys.readouterr()
    results = json.loads(captured.out)
    assert code == 0, captured.err
    assert results["closed"]
    stages = {row["version"]: row["stage"] for row in results["versions"]}
    assert stages[1] == "Archived"
    assert "Production" in stages.values()
    assert any("the traffic has changed" in message for message in results["messages"])
    assert "4  The traffic changes" in captured.err
    assert not left_over(folder)
    check_scenarios(folder)
    check_links(results, folder)
    assert not left_over(folder)


def check_scenarios(folder: Path) -> None:
    """Each scenario trained its two runs side by side, and the better one was registered."""
    space = Workspace(open_project(folder, {}))
    registered = {made.run_id for made in events_of(space.ledger.read(), VersionRegistered)}
    space.database.close()
    runs = [run for run in MlflowRuns(space.project).latest() if run.parent]
    scenarios = {run.parent: [r for r in runs if r.parent == run.parent] for run in runs}
    assert len(scenarios) >= 2
    for one, other in scenarios.values():
        names = {run.parameters["model_type"] for run in (one, other)}
        assert names == {"random_forest", "gradient_boosting"}
        assert began(one) < ended(other)
        assert began(other) < ended(one)
        chosen, left = (one, other) if one.run_id in registered else (other, one)
        assert chosen.run_id in registered
        assert left.run_id not in registered
        assert chosen.metrics["kept_Accuracy"] >= left.metrics["kept_Accuracy"]


def began(run: RunSummary) -> datetime:
    return datetime.fromisoformat(run.started_at)


def ended(run: RunSummary) -> datetime:
    assert run.seconds is not None
    return began(run) + timedelta(seconds=run.seconds)


def check_links(results: dict[str, Any], folder: Path) -> None:
    """After the command of the results, every link opens."""
    words = shlex.split(results["up"])
    assert words[0] == "retread"
    try:
        subprocess.run([*RETREAD, *words[1:]], cwd=folder.parent, check=True)
        for address, _ in results["links"]:
            assert httpx.get(address, timeout=30).status_code == 200, address
    finally:
        subprocess.run([*RETREAD, "down", "--project", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "after", "at_work"),
    [
        (signal.SIGINT, "Training random_forest", "retread.training.worker"),
        (signal.SIGTERM, "Traffic like the training data", "retread.serving"),
    ],
)
def test_an_interrupted_demo_leaves_no_process(
    tmp_path: Path, number: signal.Signals, after: str, at_work: str
) -> None:
    folder = tmp_path / "new"
    command = [*RETREAD, "demo", "iris", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert any(after.encode() in line for line in demo.stdout)
        children = wait_for(demo.pid, at_work)
        assert len(left_over(folder)) >= 2
        demo.send_signal(number)
        demo.communicate()
    assert demo.returncode != 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert left_over(folder) == []


def wait_for(pid: int, module: str) -> list[psutil.Process]:
    """The processes below `pid`, as soon as one of them runs `module`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children(recursive=True)
        if any(module in " ".join(command_of(child)) for child in children):
            return children
        time.sleep(0.05)
    raise AssertionError(f"No process runs {module}.")


def command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def left_over(folder: Path) -> list[str]:
    """Processes that were started for the project in `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(folder) in command:
            found.append(command)
    return found
