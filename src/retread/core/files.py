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

_RETRY_LOCK_S = 0.02


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace the file at `path` in one step.

    Args:
        path: The file, in a folder that exists.
        content: What it holds afterwards.
        durable: Whether the content has reached the disk when this returns. Without it a reader
            still sees the old or the new content, but a power failure may undo the change.

    Raises:
        OSError: The file could not be written; what was there is unchanged.
    """
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
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
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder which becomes `path` at the end of the block.

    If the block raises, nothing of it is left. `path` must not exist, or be an empty folder.

    Raises:
        OSError: `path` exists and is not an empty folder, or cannot be made.
    """
    temporary = _temporary(path)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make earlier renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """An exclusive lock on a folder, held from construction to `release`.

    The lock is advisory and is on the folder itself: there is no lock file to remove, and the
    kernel releases the lock when its holder ends, even if killed. Two locks of one process exclude
    each other like those of two processes.
    """

    def __init__(self, folder: Path, wait_s: float | None = None) -> None:
        """Make `folder` if necessary and lock it.

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
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
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
    """A sibling of `path` that no other thread or process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.partial")
