"""The reference profile: what held-out data looked like when the model was made."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle.arrays import pack_arrays, unpack_arrays

CONFIDENCE = "predicted confidence"
PREDICTED_LABEL = "predicted label"
PREDICTED_VALUE = "predicted value"
"""Streams of what the model said; a column of the data is hardly called so."""

SEPARATOR = ":"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Held-out examples (validation and evaluation splits, never training rows), one row each.

    `numeric` float64 [n] by name: features, image statistics, CONFIDENCE, for regression
    PREDICTED_VALUE. `categorical` str [n] by name: categorical features and PREDICTED_LABEL.
    `embedding` float32 [n, E], or [n, 0] for models without one. `groups` str [n] names examples
    that belong together (photos of one tire), which say less than as many separate ones; [0]
    where they are not known.
    """

    numeric: Mapping[str, npt.NDArray[np.float64]]
    categorical: Mapping[str, npt.NDArray[np.str_]]
    embedding: npt.NDArray[np.float32]
    groups: npt.NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype=np.str_))


def encode_reference(reference: Reference) -> bytes:
    arrays: dict[str, npt.NDArray[Any]] = {
        "embedding": reference.embedding,
        "groups": reference.groups,
    }
    arrays |= {f"numeric{SEPARATOR}{k}": v for k, v in reference.numeric.items()}
    arrays |= {f"categorical{SEPARATOR}{k}": v for k, v in reference.categorical.items()}
    return pack_arrays(**arrays)


def decode_reference(content: bytes) -> Reference:
    arrays = unpack_arrays(io.BytesIO(content))
    return Reference(
        numeric=_with_prefix(arrays, "numeric"),
        categorical=_with_prefix(arrays, "categorical"),
        embedding=arrays["embedding"],
        groups=arrays.get("groups", np.zeros(0, dtype=np.str_)),
    )


def _with_prefix(arrays: dict[str, npt.NDArray[Any]], kind: str) -> dict[str, npt.NDArray[Any]]:
    start = f"{kind}{SEPARATOR}"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
