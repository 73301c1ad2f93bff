"""Remembers what was read of files, so that unchanged files are not read again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from retread.core import write_atomically
from retread.data.images.facts import ImageFacts

_SETTLED_NS = 2_000_000_000


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What changes when a file does."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class FileIndex(msgspec.Struct, array_like=True):
    """Facts by path, each valid for one stamp. It may be lost: it only saves time."""

    files: dict[str, tuple[Stamp, ImageFacts]] = {}

    def facts(self, path: str, stamp: Stamp) -> ImageFacts | None:
        known = self.files.get(path)
        return known[1] if known is not None and known[0] == stamp else None


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def load_index(path: Path | None) -> FileIndex:
    """The index at `path`; an empty one when there is none that can be read."""
    if path is None:
        return FileIndex()
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=FileIndex)
    except (OSError, msgspec.MsgspecError):
        return FileIndex()


def save_index(path: Path, files: dict[str, tuple[Stamp, ImageFacts]], started_ns: int) -> None:
    """Remember `files`, but none that could change again within its time stamp's resolution."""
    settled = {
        name: (stamp, facts)
        for name, (stamp, facts) in files.items()
        if max(stamp.modified_ns, stamp.changed_ns) < started_ns - _SETTLED_NS
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.msgpack.encode(FileIndex(settled)))


def wall_clock_ns() -> int:
    """Now, by the clock that stamps files."""
    return time.time_ns()
