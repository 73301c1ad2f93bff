"""Clients that send requests to a server without a pause."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import httpx
from tests.serving.ledger_agreement import TimedResponse
from tests.serving.running import Server


class ClientLoad:
    """Clients that send requests without a pause and keep the responses and the failures."""

    def __init__(self, server: Server, body: object, connections: int = 2) -> None:
        self._server = server
        self._body = body
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]
        self.versions: list[tuple[float, int]] = []
        self.responses: list[TimedResponse] = []
        self.failures: list[str] = []

    def __enter__(self) -> ClientLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._server.address, timeout=30.0, trust_env=False) as client:
            while not self._stopping.is_set():
                sent_at = datetime.now(UTC)
                try:
                    response = client.post("/v2/models/iris/infer", json=self._body)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                if response.status_code != 200:
                    self.failures.append(response.text)
                else:
                    version = int(response.json()["model_version"])
                    self.versions.append((time.monotonic(), version))
                    self.responses.append(TimedResponse(sent_at, datetime.now(UTC), version))
