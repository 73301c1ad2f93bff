"""Logs of the services: their last lines, and a bound on their size."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LARGEST = 10_000_000
_TAIL = 8_192


def last_lines(path: Path, count: int = 6) -> tuple[str, ...]:
    """The last non-empty lines of a log; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())[-count:]


def bound(path: Path, largest: int = LARGEST) -> None:
    """Move what is in a log that grew over `largest` bytes to `NAME.log.1`.

    The writer keeps its file: it appends, so it goes on at the new beginning.
    """
    if not path.exists() or path.stat().st_size <= largest:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)
