"""A bundle's first load, in a child process that may run out of memory in our place."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from retread.core import Unavailable
from retread.serving.following.loader import TryLoad
from retread.serving.following.memory import available_bytes

_DEADLINE_S = 120.0
_LOOK_S = 0.1
_BASE_BYTES = 2_000_000_000
"""Address space that the libraries take before any model."""


def try_in_child(
    root: Path, stopping: threading.Event, *, memory_bytes: int | None = None
) -> TryLoad:
    """Loads a bundle of the store at `root` in a child process with a memory limit; without
    `memory_bytes`, what there is left. The child goes when `stopping` is set."""

    def try_load(digest: str) -> None:
        limit = memory_bytes or _BASE_BYTES + available_bytes()
        module = "retread.serving.following.try_load"
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(root), digest, str(limit)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with child:
            try:
                said = _wait(child, stopping, digest)
            finally:
                child.kill()
        if child.returncode != 0:
            raise Unavailable(
                said
                or f"Bundle {digest} killed the process that tried to load it "
                f"(exit {child.returncode}, {limit:,} bytes of memory)."
            )

    return try_load


def _wait(child: subprocess.Popen[bytes], stopping: threading.Event, digest: str) -> str:
    """What the child said before it ended by itself."""
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            said, _ = child.communicate(timeout=_LOOK_S)
        except subprocess.TimeoutExpired:
            if stopping.is_set():
                raise Unavailable(f"The server ends; bundle {digest} is not loaded.") from None
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Bundle {digest} did not load within {_DEADLINE_S:.0f} seconds."
                ) from None
        else:
            return said.decode("utf-8", "replace").strip()
