"""kill -9 anywhere in an add: the version exists entirely or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from retread.data import LanceDatasetStore, VersionState, verify

from .conftest import Adds, Images

KILLED = """
import os, signal, sys
from pathlib import Path
import lance, lance.fragment
from retread.core import SystemClock
from retread.data import AddRequest, LanceDatasetStore, add_version
from retread.data.lance_store import history
from retread.project.settings import DataSection

def die_around(owner, name, after):
    whole = getattr(owner, name)
    def dying(*args, **kwargs):
        if after:
            whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, staticmethod(dying) if owner is lance.LanceDataset else dying)

store, source, point, when = sys.argv[1:]
owner, name = {
    "write": (lance.fragment, "write_fragments"),
    "commit": (lance.LanceDataset, "commit"),
    "tag": (history, "tag_version"),
}[point]
die_around(owner, name, when == "after")
request = AddRequest(dataset="tires", source=Path(source), settings=DataSection())
add_version(LanceDatasetStore(Path(store)), request, SystemClock())
"""

POINTS = [("write", "after"), ("commit", "before"), ("commit", "after"), ("tag", "after")]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "when"), POINTS)
def test_a_killed_first_add(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, point: str, when: str
) -> None:
    _killed(tmp_path, images(), point, when)
    committed = point == "tag" or (point, when) == ("commit", "after")
    assert lance.datasets() == (("tires",) if committed else ())
    version = add(images())
    assert (version.number, version.state, version.rows) == (1, VersionState.RELEASED, 80)
    _intact(lance)


@pytest.mark.slow
@pytest.mark.parametrize(("point", "when"), POINTS)
def test_a_killed_second_add(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, point: str, when: str
) -> None:
    first = add(images())
    (images() / "good" / "0000.jpg").unlink()
    _killed(tmp_path, tmp_path / "src", point, when)
    committed = point == "tag" or (point, when) == ("commit", "after")
    assert len(lance.versions("tires")) == (2 if committed else 1)
    assert lance.version("tires", 1) == first
    assert add(tmp_path / "src").number == 2
    _intact(lance)


@pytest.mark.slow
@pytest.mark.parametrize("before", [0, 1])
def test_a_version_whose_adder_was_killed_stays(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path, before: int
) -> None:
    source = images()
    for _ in range(before):
        add(source)
        (source / "good" / "0000.jpg").unlink()
    _killed(tmp_path, source, "commit", "after")
    (source / "good" / "0001.jpg").unlink()
    killed, last = before + 1, before + 2
    assert add(source).number == last
    again = LanceDatasetStore(lance._root)
    again.collect_garbage("tires", timedelta(0))
    assert [version.number for version in again.versions("tires")] == list(range(1, last + 1))
    assert (again.version("tires", killed).number, again.version("tires", killed).rows) == (
        killed,
        80 - before,
    )
    (source / "good" / "0002.jpg").unlink()
    assert add(source).number == last + 1
    _intact(lance)


@pytest.mark.slow
def test_what_a_killed_add_left_is_collected(
    lance: LanceDatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    add(images())
    images(good=range(50, 60))
    _killed(tmp_path, tmp_path / "src", "write", "after")
    files = tmp_path / "datasets" / "tires.lance" / "data"
    assert len(list(files.iterdir())) == 2
    assert lance.collect_garbage("tires", timedelta(hours=1)) == 0
    assert lance.collect_garbage("tires", timedelta(0)) > 0
    assert len(list(files.iterdir())) == 1
    _intact(lance)


def _killed(tmp_path: Path, source: Path, point: str, when: str) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "datasets"), str(source), point, when]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _intact(store: LanceDatasetStore) -> None:
    again = LanceDatasetStore(store._root)
    assert again.versions("tires") == store.versions("tires")
    for version in again.versions("tires"):
        verify(again, version)
