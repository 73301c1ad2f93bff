"""Locks on folders, and folders that appear as a whole."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from retread.core import FolderLock, folder_lock, is_locked, new_folder, write_atomically

HOLD = """
import sys, time
from pathlib import Path
from retread.core import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_locked_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when locked"
    assert not is_locked(folder)
    with folder_lock(folder):
        assert is_locked(folder)
        with pytest.raises(BlockingIOError), folder_lock(folder, wait_s=0):
            pass
    assert not is_locked(folder)
    assert list(folder.iterdir()) == []


def test_a_lock_can_outlive_the_block_it_was_taken_in(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path, wait_s=0)
    assert is_locked(tmp_path)
    lock.release()
    assert not is_locked(tmp_path)


@pytest.mark.parametrize("wait_s", [10.0, None], ids=["with a limit", "without a limit"])
def test_a_lock_waits_for_its_holder(tmp_path: Path, wait_s: float | None) -> None:
    holder = FolderLock(tmp_path)
    threading.Timer(0.2, holder.release).start()
    started = time.monotonic()
    with folder_lock(tmp_path, wait_s):
        assert time.monotonic() - started > 0.1


def test_a_killed_holder_releases_its_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            FolderLock(tmp_path, wait_s=0.05)
        holder.kill()
        holder.wait()
        FolderLock(tmp_path, wait_s=5).release()


def test_a_folder_appears_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "export"
    with new_folder(target) as folder:
        (folder / "a").write_bytes(b"1")
        assert not target.exists()
    assert [(path.name, path.read_bytes()) for path in target.iterdir()] == [("a", b"1")]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "export") as folder:
            (folder / "a").write_bytes(b"1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_replaces_an_empty_one_only(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "a").touch()
    assert (tmp_path / "empty" / "a").exists()
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "empty"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_file_that_need_not_be_durable_is_still_replaced_in_one_step(tmp_path: Path) -> None:
    write_atomically(tmp_path / "x", b"1", durable=False)
    write_atomically(tmp_path / "x", b"2", durable=False)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"2")]
