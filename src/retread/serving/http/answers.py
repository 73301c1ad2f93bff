"""Answers of the Open Inference Protocol V2, from byte templates made once for each model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec

from retread.core import InvalidInput
from retread.serving.call import Outcome
from retread.serving.runtime import EMBEDDING
from retread.serving.slots import SlotEntry

LABEL = "label"
_KEPT = 16

_encode = msgspec.json.Encoder().encode


class AnswerTemplate:
    """What all answers of one slot's model have in common."""

    def __init__(self, name: str, entry: SlotEntry) -> None:
        runtime = entry.runtime
        self.head = (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            f"x-retread-slot: {entry.slot}\r\nx-retread-version: {entry.version}\r\n"
        ).encode()
        self._start = (f'{{"model_name":"{name}","model_version":"{entry.version}","id":"').encode()
        self._labels = [_encode(label) for label in runtime.labels]
        width = len(runtime.labels) or 1
        self._middle = (
            f'","outputs":[{{"name":"{runtime.output}","datatype":"FP32","shape":[%d,{width}],'
            '"data":'
        ).encode()
        self._single = self._start + b"%b" + self._middle % 1 + b"%b"
        ending = b'},{"name":"label","datatype":"BYTES","shape":[1],"data":[%b]}]}'
        self._single += ending if self._labels else b"}]}"
        self._output = runtime.output
        self.outputs = (
            runtime.output,
            *((LABEL,) if self._labels else ()),
            *((EMBEDDING,) if runtime.has_embedding else ()),
        )

    def single(self, name: bytes, row: Sequence[float]) -> bytes:
        """The body for one row, with the outputs that are given unasked."""
        if self._labels:
            label = self._labels[row.index(max(row))]
            return self._single % (name, _encode(row), label)
        return self._single % (name, _encode(row))

    def full(self, name: bytes, outcome: Outcome, wanted: Sequence[str]) -> bytes:
        """The body for any rows, with the outputs asked for."""
        unasked = [output for output in self.outputs if output != EMBEDDING]
        parts = [self._tensor(output, outcome) for output in wanted or unasked]
        return self._start + name + b'","outputs":[' + b",".join(parts) + b"]}"

    def check_outputs(self, wanted: Sequence[str]) -> None:
        unknown = [output for output in wanted if output not in self.outputs]
        if unknown:
            raise InvalidInput(
                f"The model has no output {unknown[0]!r}.",
                f"It has: {', '.join(self.outputs)}.",
            )

    def _tensor(self, output: str, outcome: Outcome) -> bytes:
        count = len(outcome.main)
        if output == LABEL:
            labels = b",".join(self._labels[row.index(max(row))] for row in outcome.main)
            return _tensor(LABEL, "BYTES", [count], b"[" + labels + b"]")
        rows: Sequence[Sequence[float]] = outcome.main
        if output == EMBEDDING and outcome.embedding is not None:
            rows = outcome.embedding.tolist()
        flat = _encode(list(chain.from_iterable(rows)))
        return _tensor(output, "FP32", [count, len(rows[0])], flat)


class AnswerBook:
    """The templates in use, by the number of the slot entry."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._templates: dict[int, AnswerTemplate] = {}

    def template(self, entry: SlotEntry) -> AnswerTemplate:
        found = self._templates.get(entry.number)
        if found is None:
            if len(self._templates) >= _KEPT:
                self._templates.clear()
            found = self._templates[entry.number] = AnswerTemplate(self._model, entry)
        return found


def labels_of(outcome: Outcome) -> list[str] | list[float]:
    """What a person wants to see of each row: its label, or its value."""
    labels = outcome.entry.runtime.labels
    if labels:
        return [labels[row.index(max(row))] for row in outcome.main]
    return [row[0] for row in outcome.main]


def _tensor(name: str, datatype: str, shape: Sequence[int], data: bytes) -> bytes:
    sizes = ",".join(map(str, shape))
    start = f'{{"name":"{name}","datatype":"{datatype}","shape":[{sizes}],"data":'
    return start.encode() + data + b"}"
