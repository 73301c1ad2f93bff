"""One supervisor a project: an advisory lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retread.core import Conflict

# Who only asks whether the lock is held has it for a moment.
_PATIENCE_S = 0.3


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock at `path` for the block, and leave no file; Conflict if somebody holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path) -> int:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise Conflict(
                    "Retread is already up in this project, or is just being started or ended.",
                    "See it with: retread status",
                ) from None
            time.sleep(0.02)
            continue
        # The holder before us may have unlinked the file between our open and our lock.
        if _is_same(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_same(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
