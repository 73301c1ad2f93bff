"""Loading a bundle for the first time in a child process, which may run out of memory for us."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from retread.core import Unavailable
from retread.core.processes import available_memory
from retread.serving.reconcile.bundle_loader import SandboxedLoad

_DEADLINE_S = 120.0
_POLL_S = 0.1
_BASE_BYTES = 2_000_000_000
"""Address space that the libraries take before any model."""


def sandboxed_load(
    root: Path, stopping: threading.Event, *, memory_bytes: int | None = None
) -> SandboxedLoad:
    """Return a function that loads a bundle in a child process with a memory limit.

    Args:
        root: Folder of the bundle store.
        stopping: Ends the child when it is set.
        memory_bytes: The limit; by default the memory that this machine has left.
    """

    def load(digest: str) -> None:
        limit = memory_bytes or _BASE_BYTES + available_memory()
        module = "retread.serving.reconcile.sandbox_child"
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(root), digest, str(limit)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with child:
            try:
                message = _wait(child, stopping, digest)
            finally:
                child.kill()
        if child.returncode != 0:
            raise Unavailable(
                message
                or f"Bundle {digest} killed the process that tried to load it "
                f"(exit code {child.returncode}, {limit:,} bytes of memory)."
            )

    return load


def _wait(child: subprocess.Popen[bytes], stopping: threading.Event, digest: str) -> str:
    """Return what the child printed before it ended by itself."""
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            output, _ = child.communicate(timeout=_POLL_S)
        except subprocess.TimeoutExpired:
            if stopping.is_set():
                raise Unavailable(
                    f"Server is shutting down; bundle {digest} was not loaded."
                ) from None
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"Bundle {digest} did not load within {_DEADLINE_S:.0f} seconds."
                ) from None
        else:
            return output.decode("utf-8", "replace").strip()
