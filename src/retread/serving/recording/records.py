"""From an answered call to its lines in the traffic log, one per row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from retread.serving.call import Call
from retread.serving.recording.traffic_log import encode_line
from retread.serving.rows import CATEGORIES, Rows, input_named, unpacked
from retread.serving.runtime import NOT_FINITE, ModelResult, Runtime, is_finite
from retread.serving.slots import SlotEntry
from retread.serving.traffic import Answer, PredictionRecord

_FLOAT_BYTES = 32
"""Memory of a float in a list, with its reference."""
_MAX_TEMPLATES = 16

Value = TypeVar("Value")

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, eq=False)
class PendingRecord:
    """What the records of a call need, until they are written.

    The call itself would keep its tensors, its pixels and its response in memory for as long.

    Attributes:
        caller_id: The caller's own id; "" if it sent none.
        entry: Who answered; None for a refusal.
        rows: The recorded rows without their pixels.
        indices: Which rows of the request these are.
        sampled_from: Rows of the request, if not all of them are recorded; else 0.
        size: Approximate memory in bytes, including `images`.
    """

    id: str
    caller_id: str
    at: float
    key: str
    status: int
    rows: Rows | None
    indices: Sequence[int]
    sampled_from: int
    entry: SlotEntry | None
    result: ModelResult | None
    shadow_entry: SlotEntry | None
    shadow_result: ModelResult | None
    statistics: Sequence[dict[str, float]]
    images: Sequence[bytes]
    size: int

    @classmethod
    def of(cls, call: Call, max_rows: int) -> PendingRecord:
        """Take what the records of at most `max_rows` rows of `call` need.

        Of more rows, every so many-th is taken, whatever they hold and were answered.
        """
        rows, result, shadow = call.rows, call.result, call.shadow_result
        images, statistics = call.images, call.statistics
        indices: Sequence[int] = range(rows.count if rows is not None else 0)
        is_sample = len(indices) > max_rows
        if rows is not None and rows.pixels is not None:
            rows = Rows(rows.count)
        if rows is not None and is_sample:
            indices = [index * rows.count // max_rows for index in range(max_rows)]
            rows = _chosen_rows(rows, indices)
            result, shadow = _chosen_result(result, indices), _chosen_result(shadow, indices)
            images, statistics = _chosen(images, indices), _chosen(statistics, indices)
        size = sum(map(_memory, (result, shadow))) + sum(map(len, images))
        if rows is not None:
            size += len(rows.features) + sum(len(s) for row in rows.categories for s in row)
        return cls(
            id=call.id,
            caller_id=call.caller_id or "",
            at=call.at,
            key=call.routing_key,
            status=call.status,
            rows=rows,
            indices=indices,
            sampled_from=call.rows.count if call.rows is not None and is_sample else 0,
            entry=None if result is None else call.entry,
            result=result,
            shadow_entry=call.shadow_entry,
            shadow_result=shadow,
            statistics=statistics,
            images=images,
            size=size,
        )

    def drop_images(self) -> None:
        """Let go of the images, so that only the records are written."""
        self.size -= sum(map(len, self.images))
        self.images = ()

    def records(self, payloads: Sequence[str]) -> list[PredictionRecord]:
        """Return one record per row; `payloads` are the digests of the images that were kept."""
        if self.entry is None or self.rows is None:
            record = PredictionRecord(
                id=self.id,
                caller_id=self.caller_id,
                at=self.at,
                key=self.key,
                status=self.status,
                answer=None,
            )
            return [record]
        count = self.rows.count
        numeric = self._numeric(self.entry.runtime, self.rows)
        categorical = _categorical(self.entry.runtime, self.rows)
        answers = _answers(self.entry, self.result, count)
        paired = _answers(self.shadow_entry, self.shadow_result, count)
        embeddings = _embeddings(self.result, count)
        return [
            PredictionRecord(
                id=_row_id(self.id, row),
                caller_id=_row_id(self.caller_id, row) if self.caller_id else "",
                sampled_from=self.sampled_from,
                at=self.at,
                key=self.key,
                status=self.status,
                answer=answers[index],
                paired=paired[index],
                numeric=numeric[index],
                categorical=categorical[index],
                embedding=embeddings[index],
                payload=payloads[index] if index < len(payloads) else "",
            )
            for index, row in enumerate(self.indices)
        ]

    def lines(self, payloads: Sequence[str]) -> bytes:
        """Return the records as lines of the traffic log."""
        return b"".join([encode_line(record) for record in self.records(payloads)])

    def _numeric(self, runtime: Runtime, rows: Rows) -> Sequence[dict[str, float]]:
        if self.statistics:
            return self.statistics
        names = runtime.numeric
        if not names:
            return [{}] * rows.count
        matrix = unpacked(rows, len(names)).tolist()
        return [
            {n: value for n, value in zip(names, row, strict=True) if not math.isnan(value)}
            for row in matrix
        ]


class FastLineEncoder:
    """Encodes calls of one numeric row from byte templates, at a third of the usual cost.

    The lines leave out what is at its default: no paired answer, no error.
    """

    def __init__(self) -> None:
        self._templates: dict[int, bytes] = {}

    def encode(self, call: Call) -> bytes | None:
        """Return the line of a call of one numeric row that was answered; None for other calls."""
        result, values = call.result, call.values
        if (
            result is None
            or values is None
            or call.shadow_result is not None
            or result.error is not None
            or result.embedding is not None
            or call.status != 200
        ):
            return None
        entry = call.entry
        template = self._templates.get(entry.number) or self.template(entry)
        name = call.id.encode()
        return template % (
            name,
            b"" if call.caller_id is None else b'"caller_id":%b,' % _encode(call.caller_id),
            _encode(call.at),
            b'"%b"' % name if call.routing_key == call.id else _encode(call.routing_key),
            result.first_row_json(),
            _encode(result.milliseconds),
            *_encode(values)[1:-1].split(b","),
        )

    def template(self, entry: SlotEntry) -> bytes:
        """Make the template of an entry and keep it."""
        if len(self._templates) >= _MAX_TEMPLATES:
            self._templates.clear()
        names = [_encode(name).replace(b"%", b"%%") for name in entry.runtime.numeric]
        template = (
            b'{"id":"%%b",%%b"at":%%b,"key":%%b,"status":200,"answer":{"slot":"%b","version":%d,'
            b'"bundle":"%b","outputs":%%b,"latency_ms":%%b},"numeric":{%b}}\n'
        ) % (
            entry.slot.value.encode(),
            entry.version,
            entry.runtime.bundle.encode(),
            b",".join(name + b":%b" for name in names),
        )
        self._templates[entry.number] = template
        return template


def _row_id(request_id: str, row: int) -> str:
    return f"{request_id}.{row}" if row else request_id


def _chosen_rows(rows: Rows, indices: Sequence[int]) -> Rows:
    width = len(rows.features) // rows.count
    return replace(
        rows,
        count=len(indices),
        features=b"".join(rows.features[i * width : (i + 1) * width] for i in indices),
        categories=_chosen(rows.categories, indices),
        unknown=_chosen(rows.unknown, indices),
    )


def _chosen_result(result: ModelResult | None, indices: Sequence[int]) -> ModelResult | None:
    if result is None:
        return None
    embedding = None if result.embedding is None else result.embedding[indices]
    return ModelResult(
        _chosen(result.outputs, indices), embedding, result.milliseconds, result.error
    )


def _chosen(values: Sequence[Value], indices: Sequence[int]) -> Sequence[Value]:
    """Return the values of some rows; nothing, where there is no value per row."""
    return [values[index] for index in indices] if values else values


def _memory(result: ModelResult | None) -> int:
    if result is None:
        return 0
    embedding = 0 if result.embedding is None else result.embedding.nbytes
    width = len(result.outputs[0]) if result.outputs else 0
    return len(result.outputs) * width * _FLOAT_BYTES + embedding


def _answers(
    entry: SlotEntry | None, result: ModelResult | None, count: int
) -> Sequence[Answer | None]:
    if entry is None or result is None:
        return [None] * count
    if result.error is not None:
        return [_answer(entry, result, (), result.error)] * count
    return [
        _answer(entry, result, tuple(row), "")
        if is_finite(row)
        else _answer(entry, result, (), NOT_FINITE)
        for row in result.outputs
    ]


def _answer(
    entry: SlotEntry, result: ModelResult, outputs: tuple[float, ...], error: str
) -> Answer:
    return Answer(
        slot=entry.slot.value,
        version=entry.version,
        bundle=entry.runtime.bundle,
        outputs=outputs,
        latency_ms=result.milliseconds,
        error=error,
    )


def _categorical(runtime: Runtime, rows: Rows) -> Sequence[dict[str, str]]:
    spec = input_named(runtime.signature, CATEGORIES)
    if spec is None:
        return [{}] * rows.count
    return [dict(zip(spec.columns, row, strict=True)) for row in rows.categories]


def _embeddings(result: ModelResult | None, count: int) -> Sequence[tuple[float, ...]]:
    if result is None or result.embedding is None:
        return [()] * count
    return [tuple(row) for row in result.embedding.tolist()]
