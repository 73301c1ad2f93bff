"""After kill -9 at any point of an add, the version exists entirely or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from retread.core.quarantine import VersionState
from retread.data import LanceDatasetStore, verify

from .conftest import Adds, Images

KILLED = """
import os, signal, sys
from pathlib import Path
import lance, lance.fragment
from retread.core import SystemClock
from retread.data import AddRequest, LanceDatasetStore, add_version
from retread.data.lance_store import commits
from retread.project.settings import DataSection

def kill_around(owner, name, after):
    original = getattr(owner, name)
    def killed(*args, **kwargs):
        if after:
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, staticmethod(killed) if owner is lance.LanceDataset else killed)

store, source, point, when = sys.argv[1:]
owner, name = {
    "write": (lance.fragment, "write_fragments"),
    "commit": (lance.LanceDataset, "commit"),
    "tag": (commits, "tag_version"),
}[point]
kill_around(owner, name, when == "after")
request = AddRequest(dataset="tires", source=Path(source), settings=DataSection())
add_version(LanceDatasetStore(Path(store)), request, SystemClock())
"""

POINTS = [("write", "after"), ("commit", "before"), ("commit", "after"), ("tag", "after")]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "when"), POINTS)
def test_a_first_add_that_is_killed(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, point: str, when: str
) -> None:
    _add_and_kill(tmp_path, images(), point, when)
    committed = point == "tag" or (point, when) == ("commit", "after")
    assert lance.datasets() == (("tires",) if committed else ())
    version = add(images())
    assert (version.number, version.state, version.rows) == (1, VersionState.RELEASED, 80)
    _check_intact(lance, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("point", "when"), POINTS)
def test_a_second_add_that_is_killed(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, point: str, when: str
) -> None:
    first = add(images())
    (images() / "good" / "0000.jpg").unlink()
    _add_and_kill(tmp_path, tmp_path / "src", point, when)
    committed = point == "tag" or (point, when) == ("commit", "after")
    assert len(lance.versions("tires")) == (2 if committed else 1)
    assert lance.version("tires", 1) == first
    assert add(tmp_path / "src").number == 2
    _check_intact(lance, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, 1])
def test_a_committed_version_survives_if_its_process_was_killed(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, before: int
) -> None:
    source = images()
    for _ in range(before):
        add(source)
        (source / "good" / "0000.jpg").unlink()
    _add_and_kill(tmp_path, source, "commit", "after")
    (source / "good" / "0001.jpg").unlink()
    killed, last = before + 1, before + 2
    assert add(source).number == last
    again = LanceDatasetStore(tmp_path / "datasets")
    again.collect_garbage("tires", timedelta(0))
    assert [version.number for version in again.versions("tires")] == list(range(1, last + 1))
    assert (again.version("tires", killed).number, again.version("tires", killed).rows) == (
        killed,
        80 - before,
    )
    (source / "good" / "0002.jpg").unlink()
    assert add(source).number == last + 1
    _check_intact(lance, tmp_path)


@pytest.mark.slow
def test_files_of_a_killed_add_are_collected(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    add(images())
    images(good=range(50, 60))
    _add_and_kill(tmp_path, tmp_path / "src", "write", "after")
    files = tmp_path / "datasets" / "tires.lance" / "data"
    assert len(list(files.iterdir())) == 2
    assert lance.collect_garbage("tires", timedelta(hours=1)) == 0
    assert lance.collect_garbage("tires", timedelta(0)) > 0
    assert len(list(files.iterdir())) == 1
    _check_intact(lance, tmp_path)


def _add_and_kill(tmp_path: Path, source: Path, point: str, when: str) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "datasets"), str(source), point, when]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _check_intact(lance: LanceDatasetStore, tmp_path: Path) -> None:
    again = LanceDatasetStore(tmp_path / "datasets")
    assert again.versions("tires") == lance.versions("tires")
    for version in again.versions("tires"):
        verify(again, version)
