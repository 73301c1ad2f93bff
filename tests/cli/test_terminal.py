"""A new user's day in a terminal of 80 columns: what is typed, and what it says."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pexpect
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # pexpect forks and executes at once; another test may have imported lance before.
    pytest.mark.filterwarnings("ignore:lance is not fork-safe:UserWarning"),
]

RETREAD = Path(sys.executable).with_name("retread")
COLUMNS = 80
_COLORS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A terminal in which commands are typed in the folder of a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def type(self, line: str) -> tuple[int, str]:
        """Return a command's exit code and what the terminal shows, without colours."""
        child = pexpect.spawn(
            str(RETREAD),
            line.split()[1:],
            cwd=str(self.folder),
            dimensions=(50, COLUMNS),
            encoding="utf-8",
            timeout=400,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        child.expect(pexpect.EOF)
        child.close()
        return int(child.exitstatus), _COLORS.sub("", str(child.before)).replace("\r", "")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A folder with a table of measurements, two thirds of them good."""
    folder = tmp_path_factory.mktemp("day")
    rng = np.random.default_rng(0)
    width, height = rng.normal(size=400), rng.normal(size=400)
    lines = ["width,height,quality"]
    for w, h in zip(width, height, strict=True):
        lines.append(f"{w:.4f},{h:.4f},{'good' if w + h < 0.6 else 'bad'}")
    (folder / "parts.csv").write_text("\n".join(lines) + "\n")
    return Terminal(folder)


def test_the_day_of_a_new_user(terminal: Terminal) -> None:
    code, said = terminal.type("retread init shop --from parts.csv")
    assert code == 0
    assert "retread data add parts" in said
    day = Terminal(terminal.folder / "shop")
    for line, expected in (
        ("retread data add parts", "parts@1 sha256:"),
        ("retread train", "Registered as version 1."),
        ("retread gate 1", "pass"),
        ("retread stage 1", "Version 1 is staged"),
        ("retread promote 1", "Version 1 is in production"),
        ("retread status", "Production: version 1 (gradient_boosting on parts@1), since"),
        ("retread history", "Production is now version 1"),
        ("retread monitor check", "No alarm."),
    ):
        code, said = day.type(line)
        assert (code, expected in said) == (0, True), f"{line}: {said}"
    _, said = day.type("retread status")
    assert "Slack: no address" in said
    assert "Quality: " in said
    lists_fit(day)
    mistakes_of_order_are_told(day)
    mistakes_of_words_are_told(day)
    mistakes_in_settings_are_told(day)


def lists_fit(day: Terminal) -> None:
    for line in (
        "retread data list",
        "retread runs list",
        "retread production",
        "retread history",
        "retread --help",
        "retread data --help",
    ):
        _, said = day.type(line)
        assert all(len(one) <= COLUMNS for one in said.splitlines()), f"{line}:\n{said}"
        assert "\N{HORIZONTAL ELLIPSIS}" not in said, f"{line}:\n{said}"


def mistakes_of_order_are_told(day: Terminal) -> None:
    for line, code, told in (
        ("retread promote 1", 1, "Version 1 is in production already."),
        ("retread rollback", 1, "no earlier production version"),
        ("retread data release parts@1 --reason x", 1, "never in quarantine"),
        ("retread down", 0, "No services were running."),
    ):
        answered, said = day.type(line)
        assert (answered, told in said) == (code, True), f"{line}: {said}"


def mistakes_of_words_are_told(day: Terminal) -> None:
    for line, told in (
        ("retread list", "Did you mean 'data list', 'runs list' or 'triggers list'?"),
        ("retread train --lr 0.1", "--learning-rate"),
        ("retread stage one", "Invalid value for 'VERSION'"),
    ):
        code, said = day.type(line)
        assert (code, told in " ".join(said.split())) == (2, True), f"{line}: {said}"
    for line, told in (
        ("retread stage 7", "no model version 7"),
        ("retread lineage 7", "no model version 7"),
        ("retread settings show gate.treshold", "Available here: "),
    ):
        code, said = day.type(line)
        assert (code, told in said) == (1, True), f"{line}: {said}"


def mistakes_in_settings_are_told(day: Terminal) -> None:
    toml = day.folder / "retread.toml"
    before = toml.read_text()
    for wrong, told in (
        ("[canary]\nstep = [1.0]\n", "Did you mean 'steps'?"),
        ("[serving]\nport = '5001'\n", "serving.port"),
        ("[monitoring]\nwindow = 1\n", "monitoring.window"),
    ):
        toml.write_text(before + wrong)
        for line in ("retread train", "retread status", "retread data list"):
            code, said = day.type(line)
            assert (code, told in said) == (1, True), f"{line}: {said}"
            assert "Traceback" not in said
    toml.write_text(before)
