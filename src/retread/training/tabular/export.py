"""A trained pipeline, and its export as one ONNX graph with the encoding inside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline

from retread.bundle import Datatype, Signature
from retread.training.inputs import Arrays
from retread.training.model_interfaces import Matrix
from retread.training.recipe import FitResult
from retread.training.tabular.encoding import stacked

_OPSETS = {"": 21, "ai.onnx.ml": 3}


@dataclass(frozen=True, slots=True)
class TrainedPipeline:
    """A trained model of tables: encoding and estimator in one pipeline."""

    pipeline: Pipeline
    signature: Signature
    result: FitResult
    regression: bool
    image: None = None

    def export(self) -> bytes:
        """Return the ONNX graph, encoding included."""
        return export_pipeline(self.pipeline, self.signature)

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Predict with the pipeline itself."""
        return [predicted(self.pipeline, stacked(inputs), regression=self.regression)]


def predicted(pipeline: Pipeline, features: Matrix, *, regression: bool) -> npt.NDArray[np.float32]:
    """Return float32 [n, classes] probabilities or [n, 1] values."""
    if regression:
        return np.asarray(pipeline.predict(features), dtype=np.float32).reshape(-1, 1)
    return np.asarray(pipeline.predict_proba(features), dtype=np.float32)


def export_pipeline(pipeline: Pipeline, signature: Signature) -> bytes:
    """Return the graph with the signature's inputs and its first output only."""
    kinds = {Datatype.FP32: FloatTensorType, Datatype.BYTES: StringTensorType}
    types = [(s.name, kinds[s.datatype]([None, s.shape[1]])) for s in signature.inputs]
    estimator = pipeline.steps[-1][1]
    options: dict[int, Any] = {}
    if hasattr(estimator, "predict_proba"):
        options[id(estimator)] = {"zipmap": False}
    with warnings.catch_warnings():
        # skl2onnx passes booleans where protobuf is going to require integers.
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = to_onnx(pipeline, initial_types=types, options=options, target_opset=_OPSETS)
    _keep_output(graph, signature.outputs[0].name)
    return bytes(graph.SerializeToString(deterministic=True))


def round_thresholds_down(estimator: Any) -> None:
    """Make the split thresholds of a histogram booster exact in ONNX, which has float32 only.

    A threshold lies midway between two values of the training rows, and may be next to a third
    value that is not among them: rounded to nearest, it could move to the other side of it.
    Rounded down, it does not, and the predictions for float32 features stay the same.
    """
    for iteration in getattr(estimator, "_predictors", ()):
        for tree in iteration:
            tree.nodes["num_threshold"] = float32_below(tree.nodes["num_threshold"])


def float32_below(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the largest float32 not above each value: no float32 feature lies in between.

    >>> threshold = (np.float64(np.float32(4.7)) + np.float64(np.float32(4.9))) / 2
    >>> feature = np.float32(4.8)
    >>> bool(feature <= np.float32(threshold)) == bool(np.float64(feature) <= threshold)
    False
    >>> rounded = float32_below(np.array([threshold]))[0]
    >>> bool(np.float64(feature) <= rounded) == bool(feature <= threshold)
    True
    """
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > values, below, nearest).astype(np.float64)


def _keep_output(model: ModelProto, name: str) -> None:
    # The last output holds probabilities or values. The first output of a classifier is the
    # label, whose order and names are those of the manifest.
    kept = model.graph.output[-1]
    for node in model.graph.node:
        renamed = [name if output == kept.name else output for output in node.output]
        del node.output[:]
        node.output.extend(renamed)
    for _ in range(len(model.graph.output) - 1):
        del model.graph.output[0]
    model.graph.output[0].name = name
