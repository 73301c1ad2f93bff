"""Files and folders that exist entirely or not at all, and locks on folders."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

PARTIAL = ".partial"
"""Suffix of files and folders that are still being written."""

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
"""Permissions of what holds a project's state: answers, photos, labels."""

PRIVATE_UMASK = 0o077
"""The umask of processes that write nothing else."""

_RETRY_LOCK_S = 0.02


def write_atomically(
    path: Path, content: bytes, *, durable: bool = True, private: bool = False
) -> None:
    """Replace the file at `path` in one step.

    Args:
        path: The file, in a folder that exists.
        content: What it holds afterwards.
        durable: Whether the content has reached the disk when this returns. Without it a reader
            still sees the old or the new content, but a power failure may undo the change.
        private: Whether only this user may read the file.

    Raises:
        OSError: The file could not be written; what was there is unchanged.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            if private:
                os.fchmod(file.fileno(), PRIVATE_FILE)
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


@contextmanager
def new_folder(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield an empty folder which becomes `path` at the end of the block.

    If the block raises, nothing is left. If the process is killed, a hidden folder whose name ends
    in PARTIAL is left next to `path`.

    Args:
        path: The folder. It must not exist, or be an empty folder.
        durable: Whether the folder and its files have reached the disk at the end of the block.

    Raises:
        OSError: `path` is neither missing nor an empty folder, or cannot be created.
    """
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if durable:
            for inner in sorted(temporary.rglob("*"), reverse=True):
                _sync(inner)
            _sync(temporary)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make earlier changes of the names inside `folder` durable."""
    _sync(folder)


def lock_descriptor(descriptor: int) -> None:
    """Lock an open file or folder exclusively, until its descriptor is closed.

    The lock is advisory, and the kernel releases it when its holder ends, even if killed.
    """
    fcntl.flock(descriptor, fcntl.LOCK_EX)


class FolderLock:
    """An exclusive lock on a folder, held from its construction until `release`.

    The lock is advisory and is on the folder itself: there is no lock file to remove, and the
    kernel releases the lock when its holder ends, even if killed. Two locks of one process exclude
    each other like those of two processes.
    """

    def __init__(self, folder: Path, wait_s: float | None = None) -> None:
        """Create `folder` if necessary and lock it.

        Args:
            folder: The folder.
            wait_s: How long to wait for another holder; None waits without limit, 0 does not wait.

        Raises:
            BlockingIOError: Another holder still had the lock after `wait_s`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._acquire(wait_s)
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Release the lock; to be called once."""
        os.close(self._descriptor)

    def _acquire(self, wait_s: float | None) -> None:
        if wait_s is None:
            lock_descriptor(self._descriptor)
            return
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_RETRY_LOCK_S)


@contextmanager
def folder_lock(folder: Path, wait_s: float | None = None) -> Iterator[None]:
    """Hold a FolderLock for the block.

    Raises:
        BlockingIOError: Another holder still had the lock after `wait_s`.
    """
    lock = FolderLock(folder, wait_s)
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether someone holds a FolderLock on `folder`.

    The test itself holds the folder for a moment, so a `wait_s` of 0 can fail because of it.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _temporary(path: Path) -> Path:
    """Name a sibling of `path` that no other thread or process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}{PARTIAL}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
