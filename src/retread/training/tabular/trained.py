"""A fitted pipeline, ready to be exported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from retread.bundle import Signature
from retread.training.estimator import Matrix
from retread.training.inputs import Arrays
from retread.training.recipe import Result
from retread.training.tabular.encoding import stacked
from retread.training.tabular.export import export_pipeline


@dataclass(frozen=True, slots=True)
class TrainedPipeline:
    """Encoding and estimator in one; `image` is None, as it is for every table."""

    pipeline: Pipeline
    signature: Signature
    result: Result
    regression: bool
    image: None = None

    def export(self) -> bytes:
        return export_pipeline(self.pipeline, self.signature)

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        return [answers(self.pipeline, stacked(inputs), regression=self.regression)]


def answers(pipeline: Pipeline, features: Matrix, *, regression: bool) -> npt.NDArray[np.float32]:
    """Float32 [n, classes] probabilities or [n, 1] values."""
    if regression:
        return np.asarray(pipeline.predict(features), dtype=np.float32).reshape(-1, 1)
    return np.asarray(pipeline.predict_proba(features), dtype=np.float32)
