"""Loading bundles: tried in a child process first, kept warm afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from retread.bundle import BundleStore
from retread.core import Unavailable
from retread.serving.runtime import Runtime, load_runtime

KEPT_WARM = 3
"""Models kept beside those that serve, so that a rollback loads nothing."""

_TRIAL_SECONDS = 120.0
_BASE_BYTES = 2_000_000_000

Trial = Callable[[str], None]
"""Raises Unavailable when the bundle of this digest cannot be loaded here."""


class Loader:
    """Runtimes by bundle digest."""

    def __init__(self, bundles: BundleStore, trial: Trial, tried: Iterable[str] = ()) -> None:
        self._bundles = bundles
        self._trial = trial
        self._tried = dict.fromkeys(tried)
        self._warm: OrderedDict[str, Runtime] = OrderedDict()

    @property
    def tried(self) -> tuple[str, ...]:
        """Bundles that were loaded here, the latest last."""
        return tuple(self._tried)[-32:]

    def load(self, digest: str) -> Runtime:
        """A warm runtime; IntegrityBroken, NotFound or Unavailable, and then nothing changed."""
        runtime = self._warm.get(digest)
        if runtime is None:
            self._bundles.manifest(digest)
            if digest not in self._tried:
                self._trial(digest)
            runtime = load_runtime(self._bundles, digest)
            self._tried[digest] = None
        self._warm[digest] = runtime
        self._warm.move_to_end(digest)
        return runtime

    def release(self, serving: Iterable[str]) -> None:
        """Let go of the oldest models that neither serve nor are to be kept warm."""
        in_use = set(serving)
        idle = [digest for digest in self._warm if digest not in in_use]
        for digest in idle[: max(0, len(idle) - KEPT_WARM)]:
            del self._warm[digest]


def process_trial(root: Path, *, memory_bytes: int | None = None) -> Trial:
    """Loads a bundle of the store at `root` in a child process with a memory limit; without
    `memory_bytes`, what the machine has left."""

    def trial(digest: str) -> None:
        limit = memory_bytes or _BASE_BYTES + _available_bytes()
        command = [sys.executable, "-m", "retread.serving.trial", str(root), digest, str(limit)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"Bundle {digest} did not load within {_TRIAL_SECONDS:.0f} seconds."
            ) from None
        if done.returncode != 0:
            reason = done.stdout.decode("utf-8", "replace").strip()
            raise Unavailable(
                reason
                or f"Bundle {digest} killed the process that tried to load it "
                f"(exit {done.returncode}, {limit:,} bytes of memory)."
            )

    return trial


def _available_bytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
