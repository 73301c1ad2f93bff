"""A real server process over a real project, on a free port of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from retread.bundle import LocalBundleStore
from retread.core import Database, SystemClock
from retread.project import LoadedProject, open_project
from retread.registry import Applied, SqlLedger, SqlServerDirectory
from retread.registry.events import Slot, SlotAssigned, SlotCleared
from retread.serving import SegmentTrafficLog, SqlLabelStore

DEADLINE_S = 60.0


def until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for something that will happen; AssertionError says what did not."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)


@dataclass
class Served:
    """A project whose slots tests set by hand."""

    project: LoadedProject
    database: Database
    ledger: SqlLedger
    servers: SqlServerDirectory
    bundles: LocalBundleStore
    generation: int = 0
    bundle_of: dict[int, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, settings: str = "") -> Served:
        """A new project; `settings` is text of its retread.toml."""
        root.mkdir(parents=True, exist_ok=True)
        (root / "retread.toml").write_text('[project]\nname = "iris"\n' + settings)
        project = open_project(root, {})
        database = Database(project.database_url)
        database.create_tables()
        clock = SystemClock()
        return cls(
            project,
            database,
            SqlLedger(database, clock),
            SqlServerDirectory(database, clock),
            LocalBundleStore(project.bundles),
        )

    def assign(
        self, version: int, bundle: str, slot: Slot = Slot.PRODUCTION, share: float = 1.0
    ) -> int:
        """Say in the ledger who answers; returns the generation."""
        self.generation += 1
        self.bundle_of[version] = bundle
        self.ledger.append(
            SlotAssigned(
                slot=slot, version=version, bundle=bundle, generation=self.generation, share=share
            )
        )
        return self.generation

    def clear(self, slot: Slot) -> int:
        self.generation += 1
        self.ledger.append(SlotCleared(slot=slot, generation=self.generation))
        return self.generation

    def applied(self, slot: Slot, generation: int) -> Applied:
        """What the one live server says of a change, once it has dealt with it."""
        found: list[Applied] = []

        def dealt_with() -> bool:
            found[:] = [
                status.applied[slot]
                for status in self.servers.live()
                if slot in status.applied and status.applied[slot].generation >= generation
            ]
            return bool(found)

        until(dealt_with, f"generation {generation} of {slot} acknowledged")
        return found[0]

    @property
    def traffic(self) -> SegmentTrafficLog:
        return SegmentTrafficLog(self.project.traffic)

    @property
    def labels(self) -> SqlLabelStore:
        return SqlLabelStore(self.database)


class Server:
    """One `python -m retread.serving`."""

    def __init__(self, served: Served, *arguments: str, environment: Mapping[str, str]) -> None:
        self.served = served
        ready = served.project.home / "ready"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "retread.serving"]
        command += ["--project", str(served.project.root), "--port", "0"]
        self.log_path = served.project.logs / "serving.log"
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--ready-file", str(ready), *arguments],
                stdout=log,
                stderr=log,
                env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            )
        until(lambda: ready.exists() or self.process.poll() is not None, "the server is ready")
        assert self.process.poll() is None, self.log_path.read_text()
        self.address = ready.read_text()
        self.http = httpx.Client(base_url=self.address, timeout=30.0, trust_env=False)

    def infer(self, body: object, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/v2/models/iris/infer", json=body, headers=sent)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    @property
    def log(self) -> str:
        return self.log_path.read_text()


@contextmanager
def running(served: Served, *arguments: str, **environment: str) -> Iterator[Server]:
    """A server until the end of the block; it must end cleanly."""
    server = Server(served, *arguments, environment=environment)
    try:
        yield server
    finally:
        code = server.stop()
        served.database.close()
    assert code == 0, server.log


def rows(*values: tuple[float, ...]) -> dict[str, object]:
    """A V2 request of iris rows."""
    flat = [number for row in values for number in row]
    tensor = {
        "name": "features",
        "shape": [len(values), 4],
        "datatype": "FP32",
        "data": flat,
    }
    return {"inputs": [tensor]}
