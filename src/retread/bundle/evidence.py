"""Evidence of a model's quality: its predictions on every example of an evaluation split."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.bundle.arrays import Texts, pack_arrays, unpack_arrays

UNKNOWN = -1
"""In place of the index of a label that the model does not know, and so predicts wrongly."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A model's predictions on a frozen evaluation split.

    Rows are sorted by id, so that evidence of two models on the same split is paired row by row.

    Attributes:
        evaluation_digest: Identifies the split.
        ids: Ids of the examples, texts [n].
        truth: Label indices or UNKNOWN, int64 [n], or target values, float64 [n].
        outputs: Probabilities, float32 [n, classes], or values, [n, 1] in float32, or in float64
            where the model answers in FP64.
    """

    evaluation_digest: str
    ids: Texts
    truth: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    outputs: npt.NDArray[np.float32] | npt.NDArray[np.float64]

    @property
    def is_classification(self) -> bool:
        """Whether the truth is label indices."""
        return self.truth.dtype.kind == "i"


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode evidence as an npz file."""
    return pack_arrays(
        evaluation_digest=np.array(evidence.evaluation_digest),
        ids=evidence.ids,
        truth=evidence.truth,
        outputs=evidence.outputs,
    )


def decode_evidence(content: bytes) -> Evidence:
    """Decode what `encode_evidence` returned."""
    arrays = unpack_arrays(io.BytesIO(content))
    return Evidence(
        evaluation_digest=str(arrays["evaluation_digest"]),
        ids=arrays["ids"],
        truth=arrays["truth"],
        outputs=arrays["outputs"],
    )
