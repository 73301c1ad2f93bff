"""Progress on a terminal, and on a pipe."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retread.app.projects import new_project
from retread.cli.main import run

RETREAD = Path(sys.executable).with_name("retread")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    new_project(tmp_path / "iris", "iris")
    return tmp_path / "iris"


def on_a_terminal(folder: Path, *words: str) -> str:
    """Run a command on a terminal; return what it prints, without control sequences."""
    master, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(
        [RETREAD, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    printed = b""
    while chunk := _read(master):
        printed += chunk
    os.close(master)
    text = CONTROL.sub("", printed.decode())
    assert process.wait(120) == 0, text
    return text


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65_536)
    except OSError:  # Linux: the other end is closed
        return b""


@pytest.mark.slow
def test_a_terminal_shows_a_bar_while_data_is_added_and_verified(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text("")
    rng = np.random.default_rng(0)
    for number in range(160):
        photo = tmp_path / "photos" / ("dark", "bright")[number % 2] / f"{number}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(photo)
    printed = on_a_terminal(tmp_path, "data", "add", "photos", "photos")
    assert re.search(r"━+ +160/160", printed)
    assert "photos@1" in printed
    assert re.search(r"versions verified ━+ +1/1", on_a_terminal(tmp_path, "data", "verify"))
    assert re.search(r"versions of photos ━+ +1/1", on_a_terminal(tmp_path, "audit", "verify"))


@pytest.mark.slow
def test_a_terminal_shows_a_bar_of_epochs_with_metrics(iris: Path) -> None:
    on_a_terminal(iris, "data", "add", "iris", "iris.csv")
    printed = on_a_terminal(iris, "train", "--model-type", "gradient_boosting", "--epochs", "3")
    assert re.search(r"gradient_boosting on iris@1 ━+ +3/3 Loss 0\.\d+", printed)


def test_a_pipe_gets_plain_lines_on_stderr(
    iris: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(iris)
    assert run(["data", "add", "iris", "iris.csv"]) == 0
    capfd.readouterr()
    assert run(["data", "verify", "--json"]) == 0
    printed = capfd.readouterr()
    assert json.loads(printed.out) == {"iris@1": 150}
    assert printed.err == "versions verified: 1 of 1\n"
    assert run(["audit", "verify"]) == 0
    assert capfd.readouterr().err == "ledger and bundles: 1 of 1\nversions of iris: 1 of 1\n"
    few = ["--rollouts", "1", "--windows", "1", "--watches", "1"]
    assert run(["simulate", "--json", *few]) == 0
    printed = capfd.readouterr()
    assert set(json.loads(printed.out)) == {"rollouts", "watches"}
    assert "kinds of traffic: 3 of 3\n" in printed.err
