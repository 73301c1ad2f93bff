"""What a training says while it goes on: one JSON line an epoch."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class EpochFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of the run `key`; `epoch` counts from 1, `kept` says it is the best so far.

    `metrics` are those on the validation split, by their declared names.
    """

    key: str
    epoch: int
    epochs: int
    metrics: dict[str, float]
    learning_rate: float
    kept: bool
    seconds: float


Report = Callable[[EpochFinished], None]


def encode_progress(progress: EpochFinished) -> bytes:
    return msgspec.json.encode(progress) + b"\n"


def decode_progress(line: bytes) -> EpochFinished:
    return msgspec.json.decode(line, type=EpochFinished)
