"""The port through which recorded traffic and late labels are read and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from retread.serving.record import PredictionRecord


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the recorded traffic; '' and 0 are its beginning.

    `segment` says where each writer's records were read to, for the log alone to understand;
    `offset` is the number of records before this place.
    """

    segment: str = ""
    offset: int = 0


class TrafficLog(Protocol):
    """Answers in the order in which they were recorded."""

    def append(self, records: Sequence[PredictionRecord]) -> None: ...

    def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
        """At most `limit` records after a place, and the place after them."""
        ...

    def find(self, request_id: str) -> PredictionRecord | None:
        """The record of one request."""
        ...

    def put_payload(self, content: bytes) -> str:
        """Keep an image; its sha256."""
        ...

    def payload(self, digest: str) -> bytes:
        """An image that was kept; NotFound."""
        ...


class LabelStore(Protocol):
    """Labels joined to requests by id, whenever they come."""

    def put(self, labels: Sequence[tuple[str, str]], at: float) -> None:
        """(request id, label) pairs; a later label of the same request replaces the earlier."""
        ...

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        """The labels there are of these requests."""
        ...

    def count(self) -> int: ...
