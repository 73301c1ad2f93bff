"""One logged answer."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one model said: `outputs` are its probabilities, or its single value.

    `error` is '' for a finite answer; `latency_ms` is the model's own time for this row: that of a
    run, shared by the run's rows.
    """

    slot: str
    version: int
    bundle: str
    outputs: tuple[float, ...]
    latency_ms: float
    error: str = ""


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was asked about. A request of several rows leaves one record a row, with ids
    `ID`, `ID.1`, `ID.2`, ...

    `answer` is what the client got; `paired` what the other model said of the same row, during a
    canary. `numeric` and `categorical` are features or image statistics, by name; `payload` the
    sha256 of the image, where it was kept.
    """

    id: str
    at: float
    key: str
    status: int
    answer: Answer | None
    paired: Answer | None = None
    numeric: dict[str, float] = {}
    categorical: dict[str, str] = {}
    embedding: tuple[float, ...] = ()
    payload: str = ""
