"""`retread demo iris`, for real: processes, HTTP, drift, retraining, promotion."""

from __future__ import annotations

import json
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


def left_over(folder: Path) -> list[str]:
    """Processes that were started for the project in `folder`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if str(folder) in command:
            found.append(command)
    return found
