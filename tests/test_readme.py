"""The README's tour, typed line by line into a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import retread
from retread.app.supervisor import free_port

README = Path(__file__).parents[1] / "README.md"
TOUR = "## Five-minute tour"
PORTS = {
    "5000": "RETREAD__PROJECT__TRACKING_PORT",
    "5001": "RETREAD__SERVING__PORT",
    "5002": "RETREAD__PROJECT__CONTROL_PORT",
}
_DONE = "::done "
_REQUEST = re.compile(r'"id":\s*"([^"]+)"')


def tour() -> list[str]:
    """The commands of the section's sh blocks; one that goes on in the next line is one."""
    section = README.read_text("utf-8").split(TOUR)[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line]


class Shell:
    """A shell that is typed into; each line starts where the last one left it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._typed, self._said = process.stdin, process.stdout

    def type(self, line: str) -> tuple[int, str]:
        """The exit code of a line, and what it printed."""
        self._typed.write(f'{line}\nprintf "\\n{_DONE}%s\\n" $?\n')
        self._typed.flush()
        said = ""
        for output in self._said:
            if output.startswith(_DONE):
                return int(output.removeprefix(_DONE)), said
            said += output
        raise AssertionError(f"The shell ended at {line!r} after saying: {said}")


@contextmanager
def shell(folder: Path, environment: dict[str, str]) -> Iterator[Shell]:
    with subprocess.Popen(
        ["bash"],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        typed = Shell(process)
        try:
            yield typed
        finally:
            typed.type("retread down")
            process.kill()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_line_of_the_tour_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("NO CURL: the tour asks the model with it")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    ports = {port: str(free_port()) for port in PORTS}
    environment = {PORTS[port]: free for port, free in ports.items()}
    request_id = ""
    lines = tour()
    with shell(tmp_path, environment) as typed:
        for line in lines:
            line = line.replace("REQUEST_ID", request_id or "REQUEST_ID")
            line = re.sub(r"--at '[^']*'", f"--at '{datetime.now(UTC):%Y-%m-%d %H:%M}'", line)
            line = re.sub(r"(?<=localhost:)(500\d)", lambda found: ports[found[1]], line)
            code, said = typed.type(line)
            assert code == 0, f"{line}\n{said}"
            if line.startswith("curl"):
                request_id = _REQUEST.search(said)[1]  # type: ignore[index]
    assert request_id
    assert lines[-1] == "retread down"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_lines_of_python_work(tmp_path: Path) -> None:
    (block,) = re.findall(
        r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    retread.init(tmp_path / "inspection", template="iris")
    ports = {setting: str(free_port()) for setting in PORTS.values()}
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        env={**os.environ, **ports},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for shown in ("Verdict: pass", "Lineage", r"Version \d: \d+ requests"):
        assert re.search(shown, done.stdout)


def test_the_tour_is_there() -> None:
    """What is replaced is in it: otherwise the test above would prove less than it says."""
    told = "\n".join(tour())
    assert told.count("REQUEST_ID") >= 2
    assert re.search(r"--at '[^']*'", told)
    assert "localhost:5001" in told
