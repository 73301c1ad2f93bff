"""From the tensors of a request to the rows a model takes, by its signature."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from retread.bundle import Signature, TensorSpec
from retread.core import InvalidInput
from retread.serving.rows import CATEGORIES, FEATURES, IMAGE, Rows, input_named
from retread.serving.tensor import Tensor

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


def assemble(signature: Signature, tensors: Mapping[str, Tensor]) -> Rows:
    """The rows of a request; InvalidInput says which tensor is wrong and what is allowed.

    A table comes as `features` and `categories`, or as one tensor a column; images as `image`.
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
        parts = [_gathered(spec, tensors) for spec in signature.inputs]
    count = _row_count(parts)
    rows = Rows(count=count)
    for spec, tensor in zip(signature.inputs, parts, strict=True):
        _check_shape(spec, tensor)
        if spec.name == FEATURES:
            rows.features = _numbers(tensor).astype(np.float32).tobytes()
        else:
            texts = _texts(tensor)
            width = tensor.shape[1]
            rows.categories = [texts[i * width : (i + 1) * width] for i in range(count)]
    return rows


def image_files(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """The files in an `image` tensor of datatype BYTES (base64); empty for any other tensor."""
    tensor = tensors.get(IMAGE)
    if tensor is None or tensor.datatype != BYTES:
        return []
    _check_names(tensors, [IMAGE])
    _row_count([tensor])
    try:
        return [base64.b64decode(text, validate=True) for text in _texts(tensor)]
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
    values = _numbers(tensor)
    if np.any((values < 0) | (values > _HIGHEST_PIXEL) | (values != np.floor(values))):
        raise InvalidInput("The tensor 'image' is not UINT8: every value is an integer, 0 to 255.")
    return Rows(count=count, pixels=values.astype(np.uint8).reshape(tensor.shape))


def _gathered(spec: TensorSpec, tensors: Mapping[str, Tensor]) -> Tensor:
    """One matrix from a tensor for each of its columns."""
    parts = [tensors[column] for column in spec.columns]
    count = _row_count(parts)
    for part in parts:
        if part.shape not in ((count,), (count, 1)):
            raise InvalidInput(
                f"The tensor {part.name!r} has shape {list(part.shape)}.",
                f"Every column has the same number of rows: use [{count}] or [{count}, 1].",
            )
    wanted = (BYTES,) if spec.name == CATEGORIES else NUMBERS
    for part in parts:
        _check_datatype(part, wanted)
    columns = [_flat(part) for part in parts]
    data = [column[row] for row in range(count) for column in columns]
    datatype = BYTES if spec.name == CATEGORIES else "FP32"
    return Tensor(spec.name, datatype, (count, len(parts)), data)


def _check_names(tensors: Iterable[str], wanted: Sequence[str]) -> None:
    given = list(tensors)
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    if missing or extra:
        problem = f"no tensor {missing[0]!r}" if missing else f"a tensor {extra[0]!r} too many"
        raise InvalidInput(
            f"The request has {problem}; it has: {', '.join(map(repr, given)) or 'none'}.",
            f"Send exactly: {', '.join(wanted)}.",
        )


def _row_count(parts: Sequence[Tensor]) -> int:
    counts = {part.shape[0] if part.shape else 0 for part in parts}
    if len(counts) != 1 or min(counts) < 1:
        shapes = ", ".join(f"{part.name} {list(part.shape)}" for part in parts)
        raise InvalidInput(
            f"The shapes do not fit together: {shapes}.",
            "The first dimension is the number of rows: at least 1, and the same in all tensors.",
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


def _numbers(tensor: Tensor) -> npt.NDArray[np.float64]:
    try:
        values = msgspec.convert(_flat(tensor), list[float | None])
        numbers = np.array([math.nan if v is None else v for v in values], dtype=np.float64)
    except (msgspec.ValidationError, OverflowError, ValueError) as error:
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold numbers: {error}.",
            "Use JSON numbers; null is a missing value.",
        ) from error
    if np.any(np.abs(numbers) > np.finfo(np.float32).max):
        raise InvalidInput(
            f"The tensor {tensor.name!r} holds a number beyond 32-bit floating point.",
            "Use numbers between -3.4e38 and 3.4e38; null is a missing value.",
        )
    if tensor.name == IMAGE and np.any(np.isnan(numbers)):
        raise InvalidInput("The tensor 'image' has missing values.", "Send every pixel.")
    return numbers.reshape(tensor.shape)


def _texts(tensor: Tensor) -> list[str]:
    try:
        return msgspec.convert(_flat(tensor), list[str])
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold texts: {error}.", "Use JSON strings."
        ) from error


def _flat(tensor: Tensor) -> list[Any]:
    """The elements in order; InvalidInput unless there are as many as the shape says."""
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
        f"Its shape {list(tensor.shape)} asks for {math.prod(tensor.shape)} elements.",
    )
