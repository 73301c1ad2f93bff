"""Responses of the Open Inference Protocol V2, made from templates of bytes, one per model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from itertools import chain

import msgspec

from retread.core import InvalidInput
from retread.serving.http.error_responses import error_headers
from retread.serving.runtime import EMBEDDING, ModelResult
from retread.serving.slots import SlotEntry

LABEL = "label"
_MAX_TEMPLATES = 16

_encode = msgspec.json.Encoder().encode


class ResponseHead:
    """The status and those headers that many responses share; `rendered` is made once."""

    __slots__ = ("headers", "rendered", "status")

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.rendered = "".join(f"{line}\r\n" for line in lines).encode()


def id_headers(request_id: str, caller_id: str | None) -> dict[str, str]:
    """Return the headers that name a request: by its caller's id, if it has one, and by ours."""
    if caller_id is None:
        return {"x-request-id": request_id}
    return {"x-request-id": caller_id, "x-retread-id": request_id}


def id_lines(request_id: str, caller_id: str | None) -> bytes:
    """Return `id_headers` as lines of a response."""
    if caller_id is None:
        return b"x-request-id: %b\r\n" % request_id.encode()
    return b"x-request-id: %b\r\nx-retread-id: %b\r\n" % (caller_id.encode(), request_id.encode())


def serialised(
    head: ResponseHead, date: bytes, id_lines: bytes, body: bytes, is_last: bool, /
) -> bytes:
    """Return a whole response; `is_last` says that the connection closes after it."""
    return b"%bdate: %b\r\n%b%bcontent-length: %d\r\n\r\n%b" % (
        head.rendered,
        date,
        id_lines,
        b"connection: close\r\n" if is_last else b"",
        len(body),
        body,
    )


def in_json(text: str) -> bytes:
    """Return a text as it stands between the quotes of a JSON string."""
    return _encode(text)[1:-1]


@cache
def error_head(status: int) -> ResponseHead:
    """Return the head of all errors of one status."""
    return ResponseHead(status, error_headers(status))


class ResponseTemplate:
    """What all responses of one slot entry have in common.

    Attributes:
        head: Status and headers.
        outputs: Names of the outputs that a client may request.
    """

    def __init__(self, model: str, entry: SlotEntry) -> None:
        runtime = entry.runtime
        self.head = ResponseHead(
            200,
            {
                "content-type": "application/json",
                "x-retread-slot": entry.slot.value,
                "x-retread-version": str(entry.version),
            },
        )
        self.outputs = (
            runtime.output,
            *((LABEL,) if runtime.labels else ()),
            *((EMBEDDING,) if runtime.has_embedding else ()),
        )
        self._labels = [_encode(label) for label in runtime.labels]
        self._datatype = runtime.output_datatype
        self._start = f'{{"model_name":"{model}","model_version":"{entry.version}","id":"'.encode()
        self._row = self._row_template(runtime.output, len(runtime.labels) or 1)

    def one_row(self, request_id: bytes, result: ModelResult) -> bytes:
        """Return the body for one row with the default outputs: all but the embedding."""
        if self._labels:
            row = result.outputs[0]
            label = self._labels[row.index(max(row))]
            return self._row % (request_id, result.first_row_json(), label)
        return self._row % (request_id, result.first_row_json())

    def many_rows(self, request_id: bytes, result: ModelResult, outputs: Sequence[str]) -> bytes:
        """Return the body for any number of rows.

        Args:
            request_id: The request id, as in JSON.
            result: The model's result.
            outputs: The requested outputs; empty for the default ones.

        Raises:
            InvalidInput: The model has no such output.
        """
        unknown = [output for output in outputs if output not in self.outputs]
        if unknown:
            raise InvalidInput(
                f"The model has no output {unknown[0]!r}.",
                f"It has: {', '.join(self.outputs)}.",
            )
        default = [output for output in self.outputs if output != EMBEDDING]
        tensors = [self._tensor(output, result) for output in outputs or default]
        return self._start + request_id + b'","outputs":[' + b",".join(tensors) + b"]}"

    def _row_template(self, output: str, width: int) -> bytes:
        values = _tensor(output, self._datatype, (1, width), b"%b")
        tensors = [values]
        if self._labels:
            tensors.append(_tensor(LABEL, "BYTES", (1,), b"[%b]"))
        return self._start + b'%b","outputs":[' + b",".join(tensors) + b"]}"

    def _tensor(self, output: str, result: ModelResult) -> bytes:
        count = len(result.outputs)
        if output == LABEL:
            labels = b",".join(self._labels[row.index(max(row))] for row in result.outputs)
            return _tensor(LABEL, "BYTES", (count,), b"[" + labels + b"]")
        rows: Sequence[Sequence[float]] = result.outputs
        datatype = self._datatype
        if output == EMBEDDING and result.embedding is not None:
            rows, datatype = result.embedding.tolist(), "FP32"
        flat = _encode(list(chain.from_iterable(rows)))
        return _tensor(output, datatype, (count, len(rows[0])), flat)


class ResponseTemplates:
    """The templates in use, by the number of their slot entry."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._templates: dict[int, ResponseTemplate] = {}

    def template(self, entry: SlotEntry) -> ResponseTemplate:
        """Return the template of an entry."""
        found = self._templates.get(entry.number)
        if found is None:
            if len(self._templates) >= _MAX_TEMPLATES:
                self._templates.clear()
            found = self._templates[entry.number] = ResponseTemplate(self._model, entry)
        return found


def with_unknown(body: bytes, unknown: Sequence[Sequence[str]]) -> bytes:
    """Return the body of a response with the parameter `unknown`: unknown categories per row.

    >>> with_unknown(b'{"outputs":[]}', [("colour",), ()])
    b'{"outputs":[],"parameters":{"unknown":[["colour"],[]]}}'
    """
    return body[:-1] + b',"parameters":{"unknown":' + _encode(unknown) + b"}}"


def predictions_of(entry: SlotEntry, result: ModelResult) -> list[str] | list[float]:
    """Return each row's predicted label, or its predicted value."""
    labels = entry.runtime.labels
    if labels:
        return [labels[row.index(max(row))] for row in result.outputs]
    return [row[0] for row in result.outputs]


def _tensor(name: str, datatype: str, shape: Sequence[int], data: bytes) -> bytes:
    sizes = ",".join(map(str, shape))
    start = f'{{"name":"{name}","datatype":"{datatype}","shape":[{sizes}],"data":'
    return start.encode() + data + b"}"
