"""The exported graph must say what the trained model says."""

from __future__ import annotations

import numpy as np

from retread.bundle import OnnxModel, Parity
from retread.core import Refused
from retread.training.inputs import Arrays
from retread.training.recipe import Trained


def check_parity(trained: Trained, model: OnnxModel, inputs: Arrays, tolerance: float) -> Parity:
    """Compare both on real examples; Refused beyond the tolerance.

    Differences are absolute for outputs within -1..1, such as probabilities, and relative to an
    output's largest magnitude beyond.
    """
    expected = trained.outputs(inputs)
    found = model.run(inputs)
    difference = 0.0
    for left, right in zip(expected, found, strict=True):
        scale = max(1.0, float(np.abs(left).max(initial=0.0)))
        gap = np.abs(left.astype(np.float64) - right.astype(np.float64)) / scale
        difference = max(difference, float(gap.max(initial=0.0)))
        if not np.isfinite(gap).all():
            difference = float("inf")
    count = len(next(iter(inputs.values())))
    if difference > tolerance:
        raise Refused(
            f"The exported model differs from the trained one by {difference:.2g} on {count} "
            f"examples; [training] parity_tolerance is {tolerance:g}.",
            "Raise the tolerance if that is acceptable, or choose another model type.",
        )
    return Parity(examples=count, largest_difference=difference, tolerance=tolerance)
