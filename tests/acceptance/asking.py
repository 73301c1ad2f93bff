"""A client that asks without end and says afterwards what was right."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx
from tests.acceptance.judged_project import measurements

_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, and between which times it was made."""

    asked: datetime
    arrived: datetime
    id: str
    version: int
    slot: str


@dataclass
class Asking:
    """While entered, one connection asks about new rows, each under its own routing key."""

    address: str
    model: str
    answers: list[Told] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

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
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30.0, trust_env=False) as client:
            for number, (features, label) in enumerate(measurements(seed=1)):
                if self._ending.is_set():
                    return
                try:
                    self._ask(client, features, label, key=f"customer-{number}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                time.sleep(_PAUSE_S)

    def _ask(self, client: httpx.Client, features: tuple[float, ...], label: str, key: str) -> None:
        """HTTPError for anything but 200, of the answer or of the feedback."""
        row = {"name": "features", "datatype": "FP32", "shape": [1, 3], "data": features}
        asked = datetime.now(UTC)
        answer = client.post(
            f"/v2/models/{self.model}/infer",
            json={"inputs": [row]},
            headers={"X-Retread-Key": key},
        ).raise_for_status()
        arrived = datetime.now(UTC)
        body, slot = answer.json(), answer.headers["X-Retread-Slot"]
        self.answers.append(Told(asked, arrived, body["id"], int(body["model_version"]), slot))
        told = {"id": body["id"], "label": label}
        client.post(f"/v2/models/{self.model}/feedback", json=told).raise_for_status()
