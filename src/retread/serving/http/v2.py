"""Requests of the Open Inference Protocol V2, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.serving.http import strict_json
from retread.serving.request_id import is_safe
from retread.serving.rows import FEATURES
from retread.serving.tensor import Tensor


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: str
    shape: tuple[int, int]
    datatype: str
    data: list[float]


class _RowRequest(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    inputs: tuple[_Row]
    id: str = ""


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct):
    inputs: list[_Input]
    id: str = ""
    outputs: list[_Output] = []
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A decoded request: its id ('' for none), its tensors, the outputs it asks for (none: all)."""

    id: str
    tensors: Mapping[str, Tensor]
    outputs: tuple[str, ...]


# `inputs`, `name`, `shape`, `datatype`, `data`, and the values of `name` and `datatype`.
_QUOTES = 14
_QUOTES_OF_ID = 4

_decode_row = msgspec.json.Decoder(_RowRequest).decode


def row_of(body: bytes) -> tuple[str, list[float]] | None:
    """The id and the numbers of the plainest request: one row of a table, and nothing else.

    None for every other body, right or wrong: `decode` is for those. A key that stands there
    twice shows in the number of quotes, which is cheaper than looking at keys.
    """
    try:
        request = _decode_row(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    row = request.inputs[0]
    quotes = _QUOTES + (_QUOTES_OF_ID if request.id else 0)
    plain = (
        (not request.id or is_safe(request.id))
        and row.name == FEATURES
        and row.datatype == "FP32"
        and row.shape == (1, len(row.data))
        and body.count(b'"') == quotes
    )
    return (request.id, row.data) if plain else None


def decode(body: bytes) -> InferRequest:
    """Any request; InvalidInput names what is wrong and where."""
    value = strict_json.parse(body)
    try:
        request = msgspec.convert(value, _Request)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"The body is not an inference request: {error}.",
            'Send {"inputs": [{"name", "shape", "datatype", "data"}, ...]}.',
        ) from error
    tensors: dict[str, Tensor] = {}
    for part in request.inputs:
        if part.name in tensors:
            raise InvalidInput(f"The tensor {part.name!r} is there twice.", "Send each once.")
        if any(size < 0 for size in part.shape) or not part.shape:
            raise InvalidInput(
                f"The tensor {part.name!r} has shape {part.shape}.",
                "Use at least one dimension, none below 0.",
            )
        tensors[part.name] = Tensor(part.name, part.datatype, tuple(part.shape), part.data)
    if not tensors:
        raise InvalidInput("The request has no inputs.", "Send at least one tensor.")
    return InferRequest(request.id, tensors, tuple(output.name for output in request.outputs))
