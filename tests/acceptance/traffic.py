"""A client that sends predictions and their true labels until it is stopped."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx
from tests.acceptance.sample_project import measurements

_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Observed:
    """A prediction, and the times between which it was made."""

    sent_at: datetime
    received_at: datetime
    id: str
    version: int
    slot: str


@dataclass
class Traffic:
    """While entered, one connection sends new rows, each with a routing key of its own."""

    address: str
    model: str
    predictions: list[Observed] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30.0, trust_env=False) as client:
            for number, (features, label) in enumerate(measurements(seed=1)):
                if self._stop.is_set():
                    return
                try:
                    self._send(client, features, label, key=f"customer-{number}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                time.sleep(_PAUSE_S)

    def _send(
        self, client: httpx.Client, features: tuple[float, ...], label: str, key: str
    ) -> None:
        """Send a row and its label; raise HTTPError unless both are accepted."""
        row = {"name": "features", "datatype": "FP32", "shape": [1, 3], "data": features}
        sent_at = datetime.now(UTC)
        response = client.post(
            f"/v2/models/{self.model}/infer",
            json={"inputs": [row]},
            headers={"X-Retread-Key": key},
        ).raise_for_status()
        received_at = datetime.now(UTC)
        body, slot = response.json(), response.headers["X-Retread-Slot"]
        version = int(body["model_version"])
        self.predictions.append(Observed(sent_at, received_at, body["id"], version, slot))
        feedback = {"id": body["id"], "label": label}
        client.post(f"/v2/models/{self.model}/feedback", json=feedback).raise_for_status()
