"""Running commands for a benchmark, and what each of them took."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple


class Turn(NamedTuple):
    """What a command took, with the processes that it started: gigabytes are of the largest."""

    seconds: float
    cpu: float
    gigabytes: float


def timed(command: Sequence[str], folder: Path) -> Turn:
    """Run a command in a folder, and return what it took; the benchmark ends if it fails."""
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed with exit code {process.returncode}")
    return Turn(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def elsewhere(write: Callable[[Path, int], None], path: Path, rows: int) -> None:
    """Write a table in another process: the peak of a command begins at that of its parent."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(write, path, rows).result()
