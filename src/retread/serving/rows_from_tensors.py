"""Converting the tensors of a V2 request to the rows that a model takes by its signature."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from retread.bundle import Datatype, Signature, TensorSpec
from retread.core import InvalidInput
from retread.serving.rows import CATEGORIES, FEATURES, IMAGE, Rows, feature_type, input_named
from retread.serving.tensors import Tensor

BYTES = "BYTES"
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
_HIGHEST_PIXEL = 255


def rows_from_tensors(signature: Signature, tensors: Mapping[str, Tensor]) -> Rows:
    """Return the rows of a request.

    Args:
        signature: The model's signature.
        tensors: The request's tensors by name: `features` and `categories`, or one tensor per
            column, for a table; `image` for images.

    Raises:
        InvalidInput: A tensor is missing, is not known, or is not what the signature says.
    """
    if input_named(signature, IMAGE) is not None:
        return _images(signature, tensors)
    names = [spec.name for spec in signature.inputs]
    if set(tensors) & set(names):
        _check_names(tensors, names)
        parts = [tensors[name] for name in names]
    else:
        columns = [column for spec in signature.inputs for column in spec.columns]
        _check_names(tensors, columns or names)
        parts = [_matrix(spec, tensors) for spec in signature.inputs]
    count = _row_count(parts)
    rows = Rows(count=count)
    for spec, tensor in zip(signature.inputs, parts, strict=True):
        _check_shape(spec, tensor)
        if spec.name == FEATURES:
            rows.features = _numbers(tensor, spec).astype(feature_type(spec)).tobytes()
        else:
            strings = _strings(tensor)
            width = tensor.shape[1]
            rows.categories = [strings[i * width : (i + 1) * width] for i in range(count)]
    return rows


def image_files(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """Return the files in an `image` tensor of datatype BYTES; [] for any other tensors.

    Raises:
        InvalidInput: The tensor is not base64, or is not alone.
    """
    tensor = tensors.get(IMAGE)
    if tensor is None or tensor.datatype != BYTES:
        return []
    _check_names(tensors, [IMAGE])
    _row_count([tensor])
    try:
        return [base64.b64decode(text, validate=True) for text in _strings(tensor)]
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            f"The tensor 'image' is not base64: {error}.",
            "Send each file base64-encoded, or the file itself with its image/... Content-Type.",
        ) from error


def _images(signature: Signature, tensors: Mapping[str, Tensor]) -> Rows:
    spec = signature.inputs[0]
    _check_names(tensors, [spec.name])
    tensor = tensors[spec.name]
    count = _row_count([tensor])
    _check_shape(spec, tensor)
    values = _numbers(tensor, spec)
    if np.any((values < 0) | (values > _HIGHEST_PIXEL) | (values != np.floor(values))):
        raise InvalidInput("The tensor 'image' is not UINT8: every value is an integer, 0 to 255.")
    return Rows(count=count, pixels=values.astype(np.uint8).reshape(tensor.shape))


def _matrix(spec: TensorSpec, tensors: Mapping[str, Tensor]) -> Tensor:
    """Join one tensor per column of `spec` to one tensor."""
    parts = [tensors[column] for column in spec.columns]
    count = _row_count(parts)
    for part in parts:
        if part.shape not in ((count,), (count, 1)):
            raise InvalidInput(
                f"The tensor {part.name!r} has shape {list(part.shape)}.",
                f"Every column has the same number of rows: use [{count}] or [{count}, 1].",
            )
    allowed = (BYTES,) if spec.name == CATEGORIES else NUMBERS
    for part in parts:
        _check_datatype(part, allowed)
    columns = [_flat(part) for part in parts]
    data = [column[row] for row in range(count) for column in columns]
    datatype = BYTES if spec.name == CATEGORIES else "FP32"
    return Tensor(spec.name, datatype, (count, len(parts)), data)


def _check_names(tensors: Iterable[str], wanted: Sequence[str]) -> None:
    given = list(tensors)
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    if missing or extra:
        problem = f"no tensor {missing[0]!r}" if missing else f"an unknown tensor {extra[0]!r}"
        raise InvalidInput(
            f"The request has {problem}; it has: {', '.join(map(repr, given)) or 'none'}.",
            f"Send exactly: {', '.join(wanted)}.",
        )


def _row_count(parts: Sequence[Tensor]) -> int:
    counts = {part.shape[0] if part.shape else 0 for part in parts}
    if len(counts) != 1 or min(counts) < 1:
        shapes = ", ".join(f"{part.name} {list(part.shape)}" for part in parts)
        raise InvalidInput(
            f"The shapes do not match: {shapes}.",
            "The first dimension is the number of rows: at least 1, and equal in all tensors.",
        )
    return counts.pop()


def _check_shape(spec: TensorSpec, tensor: Tensor) -> None:
    _check_datatype(tensor, (BYTES,) if spec.name == CATEGORIES else NUMBERS)
    if tensor.shape[1:] != tuple(spec.shape[1:]):
        order = f", in the order {', '.join(spec.columns)}" if spec.columns else ""
        raise InvalidInput(
            f"The tensor {tensor.name!r} has shape {list(tensor.shape)}.",
            f"Use [rows, {', '.join(map(str, spec.shape[1:]))}]{order}.",
        )


def _check_datatype(tensor: Tensor, allowed: Sequence[str]) -> None:
    if tensor.datatype not in allowed:
        raise InvalidInput(
            f"The tensor {tensor.name!r} has datatype {tensor.datatype!r}.",
            f"Use {' or '.join(allowed[:1] if len(allowed) == 1 else allowed[:3])}.",
        )


def _numbers(tensor: Tensor, spec: TensorSpec) -> npt.NDArray[np.float64]:
    try:
        values = msgspec.convert(_flat(tensor), list[float | None])
        numbers = np.array([math.nan if v is None else v for v in values], dtype=np.float64)
    except (msgspec.ValidationError, OverflowError, ValueError) as error:
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold numbers: {error}.",
            "Use JSON numbers; null is a missing value.",
        ) from error
    if spec.datatype is not Datatype.FP64 and np.any(np.abs(numbers) > np.finfo(np.float32).max):
        raise InvalidInput(
            f"The tensor {tensor.name!r} holds a number beyond 32-bit floating point.",
            "Use numbers between -3.4e38 and 3.4e38; null is a missing value.",
        )
    if tensor.name == IMAGE and np.any(np.isnan(numbers)):
        raise InvalidInput("The tensor 'image' has missing values.", "Send every pixel.")
    return numbers.reshape(tensor.shape)


def _strings(tensor: Tensor) -> list[str]:
    try:
        return msgspec.convert(_flat(tensor), list[str])
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold strings: {error}.", "Use JSON strings."
        ) from error


def _flat(tensor: Tensor) -> list[Any]:
    """Return the elements in row-major order; raise InvalidInput if the shape says otherwise."""
    elements: list[Any] = list(tensor.data)
    for size in tensor.shape[1:]:
        if not elements or not isinstance(elements[0], list):
            break
        if not all(isinstance(part, list) and len(part) == size for part in elements):
            raise _wrong_size(tensor, "is not nested as its shape says")
        elements = [element for part in elements for element in part]
    if len(elements) != math.prod(tensor.shape):
        raise _wrong_size(tensor, f"has {len(elements)} elements")
    return elements


def _wrong_size(tensor: Tensor, problem: str) -> InvalidInput:
    return InvalidInput(
        f"The data of tensor {tensor.name!r} {problem}.",
        f"Its shape {list(tensor.shape)} requires {math.prod(tensor.shape)} elements.",
    )
