"""The reference profile: held-out data from training time, with which traffic is compared."""

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
"""Names of the streams of predictions. The blank keeps them apart from most column names."""

_SEPARATOR = ":"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Held-out examples (of the validation and evaluation splits, never of the training split).

    Attributes:
        numeric: Streams by name, float64 [n]: features, image statistics, CONFIDENCE, and
            PREDICTED_VALUE for regression.
        categorical: Streams by name, str [n]: categorical features, and PREDICTED_LABEL for
            classification.
        embedding: Embeddings, float32 [n, E], or [n, 0] for models without them.
        groups: Group of each example, str [n], or [0] if unknown. Examples of one group (such as
            photos of the same tire) are correlated and carry less information than as many
            independent ones.
    """

    numeric: Mapping[str, npt.NDArray[np.float64]]
    categorical: Mapping[str, npt.NDArray[np.str_]]
    embedding: npt.NDArray[np.float32]
    groups: npt.NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype=np.str_))


def encode_reference(reference: Reference) -> bytes:
    """Encode a reference profile as an npz file."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "embedding": reference.embedding,
        "groups": reference.groups,
    }
    arrays |= {f"numeric{_SEPARATOR}{k}": v for k, v in reference.numeric.items()}
    arrays |= {f"categorical{_SEPARATOR}{k}": v for k, v in reference.categorical.items()}
    return pack_arrays(**arrays)


def decode_reference(content: bytes) -> Reference:
    """Decode what `encode_reference` returned."""
    arrays = unpack_arrays(io.BytesIO(content))
    return Reference(
        numeric=_with_prefix(arrays, "numeric"),
        categorical=_with_prefix(arrays, "categorical"),
        embedding=arrays["embedding"],
        groups=arrays.get("groups", np.zeros(0, dtype=np.str_)),
    )


def _with_prefix(arrays: dict[str, npt.NDArray[Any]], kind: str) -> dict[str, npt.NDArray[Any]]:
    start = f"{kind}{_SEPARATOR}"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
