"""What float32 cannot tell apart, and the scaling by which it can.

Trees compute in float32, whose numbers near 20,180,101 are 2 apart, and near 1e9 64 apart. Columns
and targets of that kind are taken in float64 and centred before they are rounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

_SAMPLE = 10_000
_LOST_SHARE = 1e-3
# Largest value in standard deviations, above which a target is centred, or answered in FP64.
_CENTRED_ABOVE = 1e3
_WIDE_ABOVE = 1e5
_LARGEST_TARGET = 1e37
RESIDUAL = 2.0**24
"""What float32 leaves over is smaller than the value by this factor."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """How the columns of a matrix become float32: `(x - centre) * factor`, then rounded.

    Attributes:
        centre: float64 [F].
        factor: float64 [F], powers of two, so that multiplying by them is exact.
        residual: Indices of the columns that even so are not told apart. What rounding leaves
            over of them follows as further columns.
    """

    centre: Doubles
    factor: Doubles
    residual: npt.NDArray[np.int64]

    def apply(self, values: Doubles) -> Singles:
        """Scale float64 [n, F] to float32 [n, F + residuals]."""
        scaled = (values - self.centre) * self.factor
        rounded = scaled.astype(np.float32)
        if not len(self.residual):
            return rounded
        left = (scaled - rounded.astype(np.float64))[:, self.residual] * RESIDUAL
        return np.concatenate([rounded, left.astype(np.float32)], axis=1)


def is_lossy(values: Doubles) -> bool:
    """Return whether float32 makes distinct values of a column equal, or infinite.

    A sample is looked at, in which random numbers of any size practically never fall together.

    Args:
        values: float64 [n], NaN where missing.

    >>> is_lossy(np.arange(400.0)), is_lossy(20_180_101 + np.arange(400.0))
    (False, True)
    """
    step = max(1, len(values) // _SAMPLE)
    known = values[::step]
    known = np.unique(known[np.isfinite(known)])
    with np.errstate(over="ignore"):
        single = known.astype(np.float32)
    if not np.isfinite(single).all():
        return True
    lost = len(known) - len(np.unique(single))
    return lost > _LOST_SHARE * len(known)


def scaling_of(values: Doubles) -> Scaling:
    """Choose the scaling of float64 columns [n, F]; those that float32 holds stay as they are."""
    columns = values.shape[1]
    centre, factor = np.zeros(columns), np.ones(columns)
    lossy = [index for index in range(columns) if is_lossy(values[:, index])]
    for index in lossy:
        centre[index], factor[index] = _centre_and_factor(values[:, index])
    none = np.zeros(0, dtype=np.int64)
    plain = Scaling(centre, factor, none)
    scaled = (values - plain.centre) * plain.factor
    residual = [index for index in lossy if is_lossy(scaled[:, index])]
    return Scaling(centre, factor, np.array(residual, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class TargetScaling:
    """How a target is scaled for training, and a prediction back: `value / factor + centre`.

    Attributes:
        wide: Whether the value needs FP64.
    """

    centre: float = 0.0
    factor: float = 1.0
    wide: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether values stay as they are."""
        return self.centre == 0.0 and self.factor == 1.0

    def scaled(self, target: Doubles) -> Doubles:
        """Return the target that the estimator is trained on."""
        return (target - self.centre) * self.factor

    def restored(self, values: npt.ArrayLike) -> Singles | Doubles:
        """Return predictions [n, 1] in the target's units, in the type of the graph's output."""
        found = np.asarray(values, dtype=np.float64).reshape(-1, 1)
        if not self.is_identity:
            # As the graph does it: trees sum in float32.
            found = found.astype(np.float32).astype(np.float64) / self.factor + self.centre
        return found if self.wide else found.astype(np.float32)


def target_scaling_of(target: Doubles) -> TargetScaling:
    """Choose the scaling of a target, float64 [n] without NaN.

    It stays as it is unless its values are large beside their spread. Then the sums of a hundred
    trees would keep too few digits, and in the extreme the answer itself.
    """
    largest = float(np.abs(target).max(initial=0.0))
    # Of the scaled target, because squares of large numbers overflow.
    spread = float(np.std(target / largest)) if largest else 1.0
    if spread * _CENTRED_ABOVE >= 1.0 and largest <= _LARGEST_TARGET:
        return TargetScaling()
    centre, factor = _centre_and_factor(target)
    wide = spread * _WIDE_ABOVE < 1.0 or largest > _LARGEST_TARGET
    return TargetScaling(centre, factor, wide)


def _centre_and_factor(values: Doubles) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    centre = float(np.median(known))
    largest = float(np.abs(known / 2 - centre / 2).max(initial=0.0)) * 2
    if not np.isfinite(largest) or not largest:
        largest = float(np.finfo(np.float64).max) if largest else 1.0
    # A power of two that brings the values within -1..1.
    exponent = int(np.clip(np.ceil(np.log2(largest)), -1000, 1000))
    return centre, 2.0**-exponent
