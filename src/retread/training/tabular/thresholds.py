"""Thresholds of boosted trees as 32-bit numbers that decide the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def round_down(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest 32-bit number not above each threshold: no 32-bit feature lies in between.

    >>> halfway = (np.float64(np.float32(4.7)) + np.float64(np.float32(4.9))) / 2
    >>> feature = np.float32(4.8)
    >>> bool(feature <= np.float32(halfway)) == bool(np.float64(feature) <= halfway)
    False
    >>> bool(np.float64(feature) <= round_down(np.array([halfway]))[0]) == bool(feature <= halfway)
    True
    """
    near = thresholds.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > thresholds, below, near).astype(np.float64)


def hold_in_32_bits(estimator: Any) -> None:
    """Make the thresholds of a histogram booster exact in ONNX, which knows 32 bits only.

    A threshold lies midway between two values of the training rows, and may be next to a third
    value that is not among them: rounded to nearest, it would move to the other side. What the
    estimator predicts for 32-bit features stays the same.
    """
    for iteration in getattr(estimator, "_predictors", ()):
        for tree in iteration:
            tree.nodes["num_threshold"] = round_down(tree.nodes["num_threshold"])
