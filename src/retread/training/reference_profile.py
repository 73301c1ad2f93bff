"""What held-out rows and the model's answers to them look like: the base of monitoring."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    STATISTICS,
    Datatype,
    Reference,
    Signature,
    image_statistics,
)
from retread.data.store import IMAGE
from retread.training.evaluation import Predictions
from retread.training.inputs import Arrays

MOST_ROWS = 10_000


def reference_of(
    signature: Signature, labels: tuple[str, ...], inputs: Arrays, predictions: Predictions
) -> Reference:
    """The reference profile of held-out rows, given as graph inputs and predictions."""
    numeric: dict[str, npt.NDArray[np.float64]] = {}
    categorical: dict[str, npt.NDArray[np.str_]] = {}
    if IMAGE in inputs:
        numeric |= _statistics(inputs[IMAGE])
    for spec in signature.inputs:
        for place, column in enumerate(spec.columns):
            values = inputs[spec.name][:, place]
            if spec.datatype is Datatype.BYTES:
                categorical[column] = values.astype(np.str_)
            else:
                numeric[column] = values.astype(np.float64)
    if labels:
        numeric[CONFIDENCE] = predictions.outputs.max(axis=1).astype(np.float64)
        categorical[PREDICTED_LABEL] = np.array(labels, dtype=np.str_)[
            predictions.outputs.argmax(axis=1)
        ]
    else:
        numeric[PREDICTED_VALUE] = predictions.outputs[:, 0].astype(np.float64)
    return Reference(numeric=numeric, categorical=categorical, embedding=predictions.embedding)


def _statistics(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
    rows = [image_statistics(image) for image in pixels]
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in STATISTICS}
