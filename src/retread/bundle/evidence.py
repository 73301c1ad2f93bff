"""Per-example predictions on a frozen evaluation split."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retread.bundle.arrays import pack_arrays, unpack_arrays


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a model said about each example of one evaluation split.

    `ids` str [n]; `truth` int64 [n] label indices, or float64 [n] target values;
    `outputs` float32 [n, classes] probabilities, or [n, 1] values. Rows are sorted by id, so
    evidence of two models on the same `evaluation_digest` is paired row by row.
    """

    evaluation_digest: str
    ids: npt.NDArray[np.str_]
    truth: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    outputs: npt.NDArray[np.float32]

    @property
    def is_classification(self) -> bool:
        return self.truth.dtype.kind == "i"


def encode_evidence(evidence: Evidence) -> bytes:
    return pack_arrays(
        evaluation_digest=np.array(evidence.evaluation_digest),
        ids=evidence.ids,
        truth=evidence.truth,
        outputs=evidence.outputs,
    )


def decode_evidence(content: bytes) -> Evidence:
    arrays = unpack_arrays(io.BytesIO(content))
    return Evidence(
        evaluation_digest=str(arrays["evaluation_digest"]),
        ids=arrays["ids"],
        truth=arrays["truth"],
        outputs=arrays["outputs"],
    )
