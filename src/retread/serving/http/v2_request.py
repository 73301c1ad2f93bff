"""Decoding requests of the Open Inference Protocol V2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.core.column_rules import shown
from retread.serving.http import strict_json
from retread.serving.request_id import is_safe
from retread.serving.rows import FEATURES
from retread.serving.tensors import Tensor


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
    parameters: dict[str, Any] | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Request(msgspec.Struct):
    inputs: list[_Input]
    id: Any = None
    outputs: list[_Output] | None = None
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class V2Request:
    """A decoded request.

    Attributes:
        id: The request id, if the body has one; "" for one that is not text.
        tensors: The inputs by name.
        outputs: The requested outputs; empty for the default ones.
    """

    id: str | None
    tensors: Mapping[str, Tensor]
    outputs: tuple[str, ...]


_MOST_DIMENSIONS = 8
_LARGEST_SIZE = 2**63 - 1

# `inputs`, `name`, `shape`, `datatype`, `data`, and the values of `name` and `datatype`.
_QUOTES = 14
_QUOTES_WITH_ID = _QUOTES + 4

_decode_row = msgspec.json.Decoder(_RowRequest).decode


def decode_row(body: bytes) -> tuple[str, list[float]] | None:
    """Decode the most common request: one row of a numeric table, and nothing else.

    A key that occurs twice shows in the number of quotes, which is cheaper than comparing keys.

    Returns:
        The request id ("" if the body has none) and the numbers; None for every other body,
        valid or not, which `decode_request` is for.
    """
    try:
        request = _decode_row(body)
    except (ValueError, RecursionError):  # wrong JSON, or wrong UTF-8 in one of its strings
        return None
    row = request.inputs[0]
    request_id, data = request.id, row.data
    if (
        row.name == FEATURES
        and (row.datatype == "FP32" or row.datatype == "FP64")
        and row.shape == (1, len(data))
        and body.count(b'"') == (_QUOTES_WITH_ID if request_id else _QUOTES)
        and (not request_id or is_safe(request_id))
    ):
        return request_id, data
    return None


def decode_request(body: bytes) -> V2Request:
    """Decode any request.

    Raises:
        InvalidInput: It is not a V2 request; the message says what is wrong and where.
    """
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
            raise InvalidInput(
                f"The request has the tensor {shown(part.name)} twice.", "Send each tensor once."
            )
        if not 1 <= len(part.shape) <= _MOST_DIMENSIONS or not all(
            0 <= size <= _LARGEST_SIZE for size in part.shape
        ):
            raise InvalidInput(
                f"The tensor {shown(part.name)} has shape {shown(part.shape)}.",
                f"Use 1 to {_MOST_DIMENSIONS} dimensions, none of them below 0 or huge.",
            )
        tensors[part.name] = Tensor(part.name, part.datatype, tuple(part.shape), part.data)
    if not tensors:
        raise InvalidInput("The request has no inputs.", "Send at least one tensor.")
    outputs = tuple(output.name for output in request.outputs or ())
    if len(set(outputs)) < len(outputs):
        raise InvalidInput("The request has an output twice.", "Name each output once.")
    name = request.id or None
    # A prediction is not refused for its id.
    return V2Request(name if name is None or isinstance(name, str) else "", tensors, outputs)
