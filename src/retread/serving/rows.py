"""The rows of one request, in the form in which rows of many requests are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle import Pixels, Signature, TensorSpec

IMAGE = "image"
FEATURES = "features"
CATEGORIES = "categories"


@dataclass(slots=True, eq=False)
class Rows:
    """`count` rows ready for a model: a table's, or images.

    `features` is a float32 matrix [count, F] as bytes, row by row (NaN is missing); `categories`
    [count][C]; `pixels` uint8 [count, H, W, 3] or None.
    """

    count: int
    features: bytes = b""
    categories: Sequence[Sequence[str]] = ()
    pixels: Pixels | None = None


def joined(parts: Sequence[Rows], signature: Signature) -> dict[str, npt.NDArray[Any]]:
    """The model's inputs for all rows of `parts`, one after the other."""
    count = sum(part.count for part in parts)
    return {spec.name: _joined(spec, parts, count) for spec in signature.inputs}


def _joined(spec: TensorSpec, parts: Sequence[Rows], count: int) -> npt.NDArray[Any]:
    if spec.name == FEATURES:
        packed = parts[0].features if len(parts) == 1 else b"".join([p.features for p in parts])
        return np.frombuffer(packed, dtype=np.float32).reshape(count, spec.shape[1])
    if spec.name == CATEGORIES:
        rows = [row for part in parts for row in part.categories]
        return np.array(rows, dtype=np.object_).reshape(count, spec.shape[1])
    return np.concatenate([part.pixels for part in parts if part.pixels is not None])


def input_named(signature: Signature, name: str) -> TensorSpec | None:
    """The input of this name, if the model has it."""
    return next((spec for spec in signature.inputs if spec.name == name), None)
