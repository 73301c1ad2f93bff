"""Clients that ask a server without a pause."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import httpx
from tests.serving.agreement import Answered
from tests.serving.running import Server


class Load:
    """A client loop that asks without a pause and remembers what went wrong."""

    def __init__(self, server: Server, body: object, connections: int = 2) -> None:
        self._server = server
        self._body = body
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]
        self.versions: list[tuple[float, int]] = []
        self.answers: list[Answered] = []
        self.failures: list[str] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._server.address, timeout=30.0, trust_env=False) as client:
            while not self._ending.is_set():
                asked = datetime.now(UTC)
                try:
                    answer = client.post("/v2/models/iris/infer", json=self._body)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                else:
                    version = int(answer.json()["model_version"])
                    self.versions.append((time.monotonic(), version))
                    self.answers.append(Answered(asked, datetime.now(UTC), version))
