"""Recorded traffic: predictions as they were logged, their true labels, and the stores of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one model for one row.

    Attributes:
        slot: The slot that the model was in.
        version: The model version.
        bundle: Digest of its bundle.
        outputs: Its probabilities, or its single value; empty after an error.
        latency_ms: The model's own time for this row: that of the run, divided by the run's rows.
        error: Why there is no finite result; "" if there is one.
    """

    slot: str
    version: int
    bundle: str
    outputs: tuple[float, ...]
    latency_ms: float
    error: str = ""


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a request, as it was logged.

    A request of several rows leaves one record per row, with the ids `ID`, `ID.1`, `ID.2`, ...; a
    request of very many leaves those of a sample.

    Attributes:
        id: Request id, made by the server: it belongs to one answer.
        caller_id: The caller's own id, which may occur again; "" if it sent none.
        sampled_from: Rows of the request, of which only a sample was recorded; 0 if all were.
        at: Arrival as Unix time in seconds.
        key: Routing key.
        status: HTTP status of the response.
        answer: The result that the client got; None if the request was refused.
        paired: The result of the other model for the same row, during a canary or with a shadow.
        numeric: Numeric features, or image statistics, by name.
        categorical: Categorical features by name.
        embedding: The row's embedding, if the model has one.
        payload: Digest of the image, if it was kept.
    """

    id: str
    caller_id: str = ""
    at: float
    key: str
    status: int
    answer: Answer | None
    paired: Answer | None = None
    numeric: dict[str, float] = {}
    categorical: dict[str, str] = {}
    embedding: tuple[float, ...] = ()
    payload: str = ""
    sampled_from: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in the recorded traffic; the default is its beginning.

    `segment` says how far each writer's records were read, in a form that only the log
    understands; `offset` is the number of records before this position.
    """

    segment: str = ""
    offset: int = 0


class TrafficLog(Protocol):
    """Predictions in the order in which they were recorded."""

    def append(self, records: Sequence[PredictionRecord]) -> None:
        """Add records.

        Raises:
            OSError: The records could not be written; none of them is in the log.
        """
        ...

    def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
        """Return at most `limit` records after a position, and the position after them."""
        ...

    def find(self, request_id: str) -> PredictionRecord | None:
        """Return the record of one request, by its own id or its caller's; None for none."""
        ...

    def put_payload(self, content: bytes) -> str:
        """Keep an image and return its digest.

        Raises:
            OSError: The image could not be written.
        """
        ...

    def payload(self, digest: str) -> bytes:
        """Return an image that was kept.

        Raises:
            NotFound: It was not kept, or has expired.
        """
        ...


class LabelStore(Protocol):
    """True labels, joined to recorded answers by id whenever they arrive.

    A label that was sent under a caller's id belongs to one answer: the first that was noted.
    """

    def put(self, labels: Sequence[tuple[str, str]], at: float) -> None:
        """Store (request id, label) pairs; a later label of the same request replaces the earlier.

        Args:
            labels: The pairs.
            at: When they arrived, as Unix time in seconds.

        Raises:
            Unavailable: The store cannot be reached.
        """
        ...

    def note_answers(self, records: Sequence[PredictionRecord]) -> None:
        """Note which answers have an id of their caller, so that its label finds the first.

        Every reader of the traffic notes what it has read, in the order of the log.
        """
        ...

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        """Return the labels known for these answers, by their own ids."""
        ...

    def count(self) -> int:
        """Return the number of requests that have a label."""
        ...
