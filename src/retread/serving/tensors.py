"""Named tensors as a client sent them, the checks of their form, and refusals of what is large."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from retread.core import InvalidInput
from retread.core.column_rules import listed, shown

BYTES = "BYTES"
BOOL = "BOOL"
NUMBERS = (
    "FP32",
    "FP64",
    "FP16",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a request, not yet validated.

    `data` holds the elements in row-major order, either flat or nested as `shape` says. `datatype`
    is None if the client named none: its elements are then what JSON says they are.
    """

    name: str
    datatype: str | None
    shape: tuple[int, ...]
    data: Sequence[Any]


class TooLarge(InvalidInput):
    """The request is larger than the server accepts."""

    code = "request_entity_too_large"


def elements(tensor: Tensor) -> list[Any]:
    """Return the elements in row-major order.

    Raises:
        InvalidInput: The shape or the datatype says otherwise.
    """
    flat = _flat(tensor)
    if tensor.datatype in NUMBERS:
        _check_numbers(tensor, flat)
    elif tensor.datatype == BOOL:
        return [_truth(tensor, index, value) for index, value in enumerate(flat)]
    elif tensor.datatype not in (BYTES, None):
        raise InvalidInput(
            f"The tensor {tensor.name!r} has datatype {shown(tensor.datatype)}.",
            f"Use one of: {', '.join((*NUMBERS, BOOL, BYTES))}.",
        )
    return flat


def row_count(tensors: Sequence[Tensor]) -> int:
    """Return the number of rows of a request.

    Raises:
        InvalidInput: It is 0, or differs between the tensors.
    """
    counts = {tensor.shape[0] if tensor.shape else 0 for tensor in tensors}
    if len(counts) != 1 or min(counts) < 1:
        shapes = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors)
        raise InvalidInput(
            f"The shapes do not match: {shapes}.",
            "The first dimension is the number of rows: at least 1, and equal in all tensors.",
        )
    return counts.pop()


def check_names(found: Iterable[str], wanted: Sequence[str]) -> None:
    """Check that a request has exactly the tensors that are wanted.

    Raises:
        InvalidInput: One is missing, or is not wanted.
    """
    names = list(found)
    missing = [name for name in wanted if name not in names]
    extra = [name for name in names if name not in wanted]
    if missing or extra:
        problem = f"no tensor {missing[0]!r}" if missing else f"an unknown tensor {shown(extra[0])}"
        raise InvalidInput(
            f"The request has {problem}; it has: {listed(list(map(repr, names)))}.",
            f"Send exactly: {', '.join(wanted)}.",
        )


def _flat(tensor: Tensor) -> list[Any]:
    flat: list[Any] = list(tensor.data)
    for size in tensor.shape[1:]:
        if not flat or not isinstance(flat[0], list):
            break
        if not all(isinstance(part, list) and len(part) == size for part in flat):
            raise _wrong_size(tensor, "is not nested as its shape says")
        flat = [element for part in flat for element in part]
    if len(flat) != math.prod(tensor.shape):
        raise _wrong_size(tensor, f"has {len(flat)} elements")
    return flat


def _check_numbers(tensor: Tensor, flat: list[Any]) -> None:
    try:
        msgspec.convert(flat, list[int | float | None])
    except msgspec.ValidationError:
        wrong = next(i for i, v in enumerate(flat) if not _is_number(v))
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold numbers: "
            f"row {_row(tensor, wrong)} has {shown(flat[wrong])}.",
            f"Use JSON numbers, or the datatype {BYTES} or {BOOL}; null is a missing value.",
        ) from None


def _truth(tensor: Tensor, index: int, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise InvalidInput(
        f"The tensor {tensor.name!r} does not hold truth values: "
        f"row {_row(tensor, index)} has {shown(value)}.",
        "Use true and false; null is a missing value.",
    )


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _row(tensor: Tensor, index: int) -> int:
    return index // max(1, math.prod(tensor.shape[1:])) + 1


def _wrong_size(tensor: Tensor, problem: str) -> InvalidInput:
    return InvalidInput(
        f"The data of tensor {tensor.name!r} {problem}.",
        f"Its shape {list(tensor.shape)} requires {math.prod(tensor.shape)} elements.",
    )
