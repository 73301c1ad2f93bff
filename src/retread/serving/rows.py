"""The rows of one request, in a form in which the rows of many requests can be joined."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retread.bundle import (
    Datatype,
    ImageInput,
    Pixels,
    Signature,
    TensorSpec,
    decode_image,
)
from retread.bundle.image import FORMATS
from retread.bundle.image_bounds import (
    LARGE,
    MAX_PIXELS,
    TimedFile,
    decoding_deadline,
    header_deadline,
    work_of,
)
from retread.core import InvalidInput
from retread.serving.tensors import TooLarge

IMAGE = "image"
FEATURES = "features"
CATEGORIES = "categories"

_SINGLE: np.dtype[np.floating] = np.dtype(np.float32)
_DOUBLE: np.dtype[np.floating] = np.dtype(np.float64)

INLINE_ROWS = 256
"""More rows than this would block the event loop for too long, however fast the model is."""


@dataclass(slots=True, eq=False)
class Rows:
    """`count` rows that a model can take: of a table, or images.

    `features` is a matrix [count, F] as bytes in row-major order, float32, or float64 for a model
    whose signature says FP64 (NaN is a missing value); `categories` is [count][C]; `pixels` is
    uint8 [count, H, W, 3] or None. `unknown` is, per row, the columns whose category the model
    does not know; () if it knows all.
    """

    count: int
    features: bytes = b""
    categories: Sequence[Sequence[str]] = ()
    pixels: Pixels | None = None
    unknown: Sequence[Sequence[str]] = ()


def is_short(rows: Rows | None) -> bool:
    """Return whether a light model may score `rows` on the event loop.

    None stands for rows that are still image files.
    """
    return rows is not None and rows.count <= INLINE_ROWS and rows.pixels is None


def join_rows(parts: Sequence[Rows], signature: Signature) -> dict[str, npt.NDArray[Any]]:
    """Return the model's inputs for the rows of all `parts`, in order."""
    count = sum([part.count for part in parts])
    return {spec.name: _joined(spec, parts, count) for spec in signature.inputs}


def input_named(signature: Signature, name: str) -> TensorSpec | None:
    """Return the model's input of this name; None if it has none."""
    return next((spec for spec in signature.inputs if spec.name == name), None)


def decode_images(files: Sequence[bytes], image: ImageInput) -> Rows:
    """Decode image files as the model's bundle says.

    Raises:
        InvalidInput: A file is not a readable image.
        TooLarge: The files have too many pixels in all.
    """
    deadline = decoding_deadline()
    check_pixels(files, image.size, deadline)
    pixels = [decode_image(content, image.size, image.rules, deadline) for content in files]
    return Rows(count=len(pixels), pixels=np.stack(pixels))


def has_large_image(files: Sequence[bytes]) -> bool:
    """Return whether files are so much work to decode that they should not hold up others.

    So is a file whose header alone takes long: it may hold a thousand compressed colour profiles.
    """
    deadline = header_deadline()
    total = 0
    for content in files:
        try:
            work = work_of(content, *_size_of(content, deadline))
        except InvalidInput:
            return True
        total += work
        if work > LARGE or total > MAX_PIXELS:
            return True
    return False


def check_pixels(files: Sequence[bytes], size: int, deadline: float) -> None:
    """Check by the headers of `files` how much memory it would take to decode them.

    A single file passes: the decoder checks it.

    Raises:
        InvalidInput: Reading the headers takes this thread longer than to its `deadline`.
        TooLarge: Decoding the files to `size` x `size` takes more than MAX_PIXELS in all.
    """
    if len(files) == 1:
        return
    total = 0
    for content in files:
        width, height = _size_of(content, deadline)
        total += max(width * height, size * size)
        if total > MAX_PIXELS:
            raise TooLarge(
                f"The {len(files)} images of the request have more than {MAX_PIXELS:,} pixels.",
                "Send fewer images per request.",
            )


def feature_type(spec: TensorSpec) -> np.dtype[np.floating]:
    """Return the type in which the numeric columns of a model are packed."""
    return _DOUBLE if spec.datatype is Datatype.FP64 else _SINGLE


def unpacked(rows: Rows, width: int) -> npt.NDArray[np.floating]:
    """Return the numeric columns [count, width], in the type they were packed in.

    Rows that were packed for one model may be scored by another, of the other precision.
    """
    doubles = len(rows.features) == rows.count * width * _DOUBLE.itemsize
    matrix = np.frombuffer(rows.features, dtype=_DOUBLE if doubles else _SINGLE)
    return matrix.reshape(rows.count, width)


def _joined(spec: TensorSpec, parts: Sequence[Rows], count: int) -> npt.NDArray[Any]:
    if spec.name == FEATURES:
        dtype = feature_type(spec)
        packed = parts[0].features if len(parts) == 1 else b"".join([p.features for p in parts])
        width = spec.shape[1]
        if len(packed) == count * width * dtype.itemsize:
            return np.frombuffer(packed, dtype=dtype).reshape(count, width)
        return np.concatenate([unpacked(part, width) for part in parts]).astype(dtype)
    if spec.name == CATEGORIES:
        rows = [row for part in parts for row in part.categories]
        return np.array(rows, dtype=np.object_).reshape(count, spec.shape[1])
    return np.concatenate([part.pixels for part in parts if part.pixels is not None])


def _size_of(content: bytes, deadline: float) -> tuple[int, int]:
    """Return the size that the header states; (0, 0) for a file the decoder will refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(TimedFile(content, deadline), formats=FORMATS) as image:
                return image.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return 0, 0
