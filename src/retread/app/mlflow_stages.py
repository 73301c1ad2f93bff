"""Mirror stages as MLflow aliases, in a process of its own so that the caller needs no MLflow."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping

from retread.core import canonical_json
from retread.project import LoadedProject

MIRRORED = "stage-mirror.json"
"""File in the project's home with the aliases that were mirrored last."""


class ProcessMirror:
    """The registry's alias mirror: returns at once, and mirrors the latest aliases it was given.

    The aliases mirrored last are stored, so that a restart starts no process for nothing.
    """

    def __init__(self, project: LoadedProject) -> None:
        self._project = project
        self._pending: bytes | None = None
        self._busy = False
        self._lock = threading.Lock()

    def mirror(self, aliases: Mapping[str, tuple[str, int]]) -> None:
        """Mirror run ids and version numbers by alias."""
        with self._lock:
            self._pending = canonical_json(dict(aliases))
            if self._busy or _mirrored(self._project) == self._pending:
                return
            if not (self._project.home / "mlflow.db").is_file():
                return  # nothing was tracked yet, so there is no model to name
            self._busy = True
        # Not a daemon: a short command must not end before its change is mirrored.
        threading.Thread(target=self._work, name="stage mirror").start()

    def _work(self) -> None:
        while (pending := self._take()) is not None:
            command = [sys.executable, "-m", "retread.app.mlflow_stages_process"]
            self._project.logs.mkdir(parents=True, exist_ok=True)
            with (self._project.logs / "stage-mirror.log").open("ab") as log:
                subprocess.run(
                    [*command, "--project", str(self._project.root)],
                    input=pending,
                    stdout=log,
                    stderr=log,
                    check=False,
                )

    def _take(self) -> bytes | None:
        with self._lock:
            pending, self._pending = self._pending, None
            self._busy = pending is not None
            return pending


def _mirrored(project: LoadedProject) -> bytes:
    path = project.home / MIRRORED
    return path.read_bytes() if path.is_file() else b""
