"""A client that asks without end and says afterwards what was right."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from tests.acceptance.judged_project import measurements

from retread.core import RetreadError
from retread.demos.client import Client

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
        with Client(self.address, self.model) as client:
            for number, (features, label) in enumerate(measurements(seed=1)):
                if self._ending.is_set():
                    return
                try:
                    self._ask(client, features, label, key=f"customer-{number}")
                except (RetreadError, OSError) as error:
                    self.failures.append(repr(error))
                time.sleep(_PAUSE_S)

    def _ask(self, client: Client, features: tuple[float, ...], label: str, key: str) -> None:
        asked = datetime.now(UTC)
        reply = client.ask(features, key)
        told = Told(asked, datetime.now(UTC), reply.id, reply.version, reply.slot)
        self.answers.append(told)
        client.feedback(reply.id, label)
