"""Stages mirrored as MLflow aliases by a process of its own, so that the caller needs no MLflow.

python -m retread.app.stage_mirror --project PATH
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from retread.core import canonical_json, write_atomically
from retread.project import LoadedProject, open_project

SHOWN = "stage-mirror.json"


class ProcessMirror:
    """The registry's AliasMirror; returns at once, and shows the latest of what it was given.

    What was shown last is remembered in the project's home, so that a restart starts nothing.
    """

    def __init__(self, project: LoadedProject) -> None:
        self._project = project
        self._wanted: bytes | None = None
        self._busy = False
        self._lock = threading.Lock()

    def mirror(self, aliases: Mapping[str, str]) -> None:
        with self._lock:
            self._wanted = canonical_json(dict(aliases))
            if self._busy or _shown(self._project) == self._wanted:
                return
            if not (self._project.home / "mlflow.db").is_file():
                return  # nothing was tracked yet, so there is no model to name
            self._busy = True
        # Not a daemon: a short command must not end before its change is shown.
        threading.Thread(target=self._show, name="stage mirror").start()

    def _show(self) -> None:
        while (wanted := self._take()) is not None:
            command = [sys.executable, "-m", "retread.app.stage_mirror"]
            self._project.logs.mkdir(parents=True, exist_ok=True)
            with (self._project.logs / "stage-mirror.log").open("ab") as log:
                subprocess.run(
                    [*command, "--project", str(self._project.root)],
                    input=wanted,
                    stdout=log,
                    stderr=log,
                    check=False,
                )

    def _take(self) -> bytes | None:
        with self._lock:
            wanted, self._wanted = self._wanted, None
            self._busy = wanted is not None
            return wanted


def _shown(project: LoadedProject) -> bytes:
    path = project.home / SHOWN
    return path.read_bytes() if path.is_file() else b""


def main() -> None:
    """Read aliases by name as JSON from the standard input, and mirror them."""
    from retread.training.tracking.aliases import MlflowAliases

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    project = open_project(parser.parse_args().project, os.environ)
    aliases = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    MlflowAliases(project).mirror(aliases)
    write_atomically(project.home / SHOWN, canonical_json(aliases))


if __name__ == "__main__":
    main()
