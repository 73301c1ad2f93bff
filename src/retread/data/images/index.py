"""An index of image files: a cache of their facts, so that unchanged files are not read again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from retread.bundle import ImageRules
from retread.core import write_atomically
from retread.data.images.inspection import ImageFacts

_SETTLED_NS = 2_000_000_000
_DECODER = 2
"""Changes when the same file is decoded otherwise than before, or has other facts."""


class FileStamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The attributes of a file that change when its content does."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class FileIndex(msgspec.Struct, array_like=True):
    """Facts by path, each valid for one stamp. The index may be lost: it only saves time.

    Attributes:
        decoding: How the files were decoded.
        files: Stamps and facts by path.
    """

    decoding: str
    files: dict[str, tuple[FileStamp, ImageFacts]] = {}

    def facts(self, path: str, stamp: FileStamp) -> ImageFacts | None:
        """Return the facts of a file, None if they are not known for this stamp."""
        known = self.files.get(path)
        return known[1] if known is not None and known[0] == stamp else None


def stamp_of(status: os.stat_result) -> FileStamp:
    """Return the stamp of a file, given its status."""
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def decoding_of(rules: ImageRules) -> str:
    """Return a name for how files are decoded: facts of another decoding do not hold."""
    return f"{_DECODER}/{rules.depth}/{rules.background}"


def load_index(path: Path | None, decoding: str) -> FileIndex:
    """Load the index at `path`; an empty one if there is none of this decoding."""
    if path is None:
        return FileIndex(decoding)
    try:
        index = msgspec.msgpack.decode(path.read_bytes(), type=FileIndex)
    except (OSError, msgspec.MsgspecError):
        return FileIndex(decoding)
    return index if index.decoding == decoding else FileIndex(decoding)


def save_index(path: Path, index: FileIndex, started_ns: int) -> None:
    """Save an index.

    Files that were changed just before they were read are left out: they could change again within
    the resolution of their time stamps.

    Args:
        path: Where to save the index.
        index: The index.
        started_ns: When reading the files began, by `wall_clock_ns`.
    """
    settled = {
        name: (stamp, facts)
        for name, (stamp, facts) in index.files.items()
        if max(stamp.modified_ns, stamp.changed_ns) < started_ns - _SETTLED_NS
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.msgpack.encode(FileIndex(index.decoding, settled)))


def wall_clock_ns() -> int:
    """Return the time in nanoseconds, by the clock that stamps files."""
    return time.time_ns()
