"""The part of scikit-learn's interface that tabular model types have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

ROUNDS_AN_EPOCH = 10

Matrix = npt.NDArray[Any]


class Estimator(Protocol):
    """A classifier also has `predict_proba`."""

    def fit(self, features: Matrix, target: Matrix) -> Estimator: ...

    def predict(self, features: Matrix) -> npt.NDArray[np.float64]: ...


@dataclass(frozen=True, slots=True)
class Model:
    """What a tabular model type builds.

    `handles_missing` estimators get NaN as it is; for others it is replaced by the column's
    median. `rounds` names the parameter that counts the rounds of an estimator that can predict
    after each (`staged_predict`): an epoch is then ROUNDS_AN_EPOCH of them, and the best is kept.
    """

    estimator: Any
    handles_missing: bool = False
    rounds: str = ""
