"""The loss of a single prediction in 0..1, for the monitor and the canary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retread.bundle import PREDICTED_VALUE
from retread.monitoring.streams import Streams, predicted_label


def loss(outputs: Sequence[float], label: str, labels: Sequence[str], scale: float) -> float:
    """Return the loss of a prediction, in 0..1.

    Args:
        outputs: The probabilities, or the single value of a regression.
        label: The true label; for a regression a finite number.
        labels: The labels in the order of the probabilities; empty for a regression.
        scale: The absolute error that counts as 1, for a regression.

    >>> loss([0.2, 0.8], "no", ["no", "yes"], 1.0), loss([10.0], "7.5", [], 5.0)
    (1.0, 0.5)
    """
    if labels:
        return float(predicted_label(outputs, labels) != label)
    return min(1.0, abs(outputs[0] - float(label)) / scale)


def value_range(reference: Streams) -> float:
    """Return the range of the predicted values, from the 5th to the 95th percentile.

    It is the scale of a regression: an error of this size is a total loss.
    """
    values = reference.numeric.get(PREDICTED_VALUE, np.zeros(0))
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 1.0)
    return float(high - low) or 1.0
