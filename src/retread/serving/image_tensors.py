"""Images in the tensors of a V2 request: pixels, or whole files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import numpy as np

from retread.bundle import TensorSpec
from retread.core import InvalidInput
from retread.serving.rows import IMAGE, Rows
from retread.serving.tensors import BYTES, NUMBERS, Tensor, check_names, elements, row_count

_HIGHEST_PIXEL = 255


def image_files(tensors: Mapping[str, Tensor]) -> list[bytes]:
    """Return the files in an `image` tensor of datatype BYTES; [] for any other tensors.

    Raises:
        InvalidInput: The tensor is not base64, or is not alone.
    """
    tensor = tensors.get(IMAGE)
    if tensor is None or not (tensor.datatype == BYTES or _is_text(tensor)):
        return []
    check_names(tensors, [IMAGE])
    row_count([tensor])
    files = elements(tensor)
    if not all(isinstance(file, str) for file in files):
        raise InvalidInput("The tensor 'image' does not hold strings.", "Use JSON strings.")
    try:
        return [base64.b64decode(file, validate=True) for file in files]
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            f"The tensor 'image' is not base64: {error}.",
            "Send each file base64-encoded, or the file itself with its image/... Content-Type.",
        ) from error


def rows_of_pixels(spec: TensorSpec, tensors: Mapping[str, Tensor]) -> Rows:
    """Return the images of a request that are pixels.

    Args:
        spec: The model's input.
        tensors: The request's tensors by name.

    Raises:
        InvalidInput: They are not one tensor of the model's shape, with integers from 0 to 255.
    """
    check_names(tensors, [spec.name])
    tensor = tensors[spec.name]
    count = row_count([tensor])
    if tensor.datatype not in (*NUMBERS, None):
        raise InvalidInput(
            f"The tensor {tensor.name!r} has datatype {tensor.datatype!r}.", "Use UINT8 or BYTES."
        )
    if tensor.shape[1:] != tuple(spec.shape[1:]):
        raise InvalidInput(
            f"The tensor {tensor.name!r} has shape {list(tensor.shape)}.",
            f"Use [rows, {', '.join(map(str, spec.shape[1:]))}].",
        )
    try:
        values = np.array(elements(tensor), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"The tensor {tensor.name!r} does not hold numbers: {error}.", "Use JSON numbers."
        ) from error
    if np.any(np.isnan(values)):
        raise InvalidInput("The tensor 'image' has missing values.", "Send every pixel.")
    if np.any((values < 0) | (values > _HIGHEST_PIXEL) | (values != np.floor(values))):
        raise InvalidInput("The tensor 'image' is not UINT8: every value is an integer, 0 to 255.")
    return Rows(count=count, pixels=values.astype(np.uint8).reshape(tensor.shape))


def _is_text(tensor: Tensor) -> bool:
    return tensor.datatype is None and bool(tensor.data) and isinstance(tensor.data[0], str)
