"""From an answered call to its records, one for each row."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retread.serving.call import Outcome
from retread.serving.record import Answer, PredictionRecord
from retread.serving.recording.unwritten import Unwritten
from retread.serving.rows import CATEGORIES, Rows, input_named
from retread.serving.runtime import Runtime, is_finite


def records_of(call: Unwritten, payloads: Sequence[str]) -> list[PredictionRecord]:
    """`payloads` are the digests of the call's images, where they were kept."""
    rows = call.rows
    if call.outcome is None or rows is None:
        return [_record(call, call.id, None, None)]
    entry = call.outcome.entry
    numeric = _numeric(call, entry.runtime, rows)
    categorical = _categorical(entry.runtime, rows)
    answers = _answers(call.outcome, rows.count)
    paired = _answers(call.paired, rows.count)
    embeddings = _embeddings(call.outcome, rows.count)
    return [
        _record(
            call,
            call.id if index == 0 else f"{call.id}.{index}",
            answers[index],
            paired[index],
            numeric[index],
            categorical[index],
            embeddings[index],
            payloads[index] if index < len(payloads) else "",
        )
        for index in range(rows.count)
    ]


def _record(
    call: Unwritten,
    name: str,
    answer: Answer | None,
    paired: Answer | None,
    numeric: dict[str, float] | None = None,
    categorical: dict[str, str] | None = None,
    embedding: tuple[float, ...] = (),
    payload: str = "",
) -> PredictionRecord:
    return PredictionRecord(
        id=name,
        at=call.at,
        key=call.key,
        status=call.status,
        answer=answer,
        paired=paired,
        numeric=numeric or {},
        categorical=categorical or {},
        embedding=embedding,
        payload=payload,
    )


def _answers(outcome: Outcome | None, count: int) -> Sequence[Answer | None]:
    if outcome is None:
        return [None] * count
    entry = outcome.entry
    slot, version, bundle = entry.slot.value, entry.version, entry.runtime.bundle
    milliseconds = outcome.milliseconds
    if outcome.error:
        failed = Answer(
            slot=slot,
            version=version,
            bundle=bundle,
            outputs=(),
            latency_ms=milliseconds,
            error=outcome.error,
        )
        return [failed] * count
    return [
        Answer(
            slot=slot,
            version=version,
            bundle=bundle,
            outputs=tuple(row) if is_finite(row) else (),
            latency_ms=milliseconds,
            error="" if is_finite(row) else "the answer is not finite",
        )
        for row in outcome.main
    ]


def _numeric(call: Unwritten, runtime: Runtime, rows: Rows) -> Sequence[dict[str, float]]:
    if call.statistics:
        return call.statistics
    if not runtime.numeric:
        return [{}] * rows.count
    matrix = np.frombuffer(rows.features, dtype=np.float32).reshape(rows.count, -1).tolist()
    return [
        {
            name: value
            for name, value in zip(runtime.numeric, row, strict=True)
            if not math.isnan(value)
        }
        for row in matrix
    ]


def _categorical(runtime: Runtime, rows: Rows) -> Sequence[dict[str, str]]:
    spec = input_named(runtime.signature, CATEGORIES)
    if spec is None:
        return [{}] * rows.count
    return [dict(zip(spec.columns, row, strict=True)) for row in rows.categories]


def _embeddings(outcome: Outcome, count: int) -> Sequence[tuple[float, ...]]:
    if outcome.embedding is None:
        return [()] * count
    return [tuple(row) for row in outcome.embedding.tolist()]
