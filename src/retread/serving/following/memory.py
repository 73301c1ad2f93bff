"""How much memory a process may still take: what the machine has left, and its cgroup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def available_bytes(root: Path = Path("/")) -> int:
    """By Linux's own reckoning, in which memory that only caches files is free; elsewhere by
    that of free pages."""
    machine = _field(root / "proc/meminfo", "MemAvailable:")
    if machine is None:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(0, min([machine * 1024, *_left_in_groups(root)]))


def _left_in_groups(root: Path) -> Iterator[int]:
    """Of this process's cgroup (version 2) and of those around it."""
    top = root / "sys/fs/cgroup"
    own = _text(root / "proc/self/cgroup").strip().rpartition("::")[2].strip("/")
    for folder in (top / own, *(top / own).parents):
        limit, used = _text(folder / "memory.max"), _text(folder / "memory.current")
        if limit.strip().isdigit() and used.strip().isdigit():
            yield int(limit) - int(used) + (_field(folder / "memory.stat", "inactive_file") or 0)
        if folder == top:
            return


def _field(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1])
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
