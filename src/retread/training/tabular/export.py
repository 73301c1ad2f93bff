"""A fitted pipeline as one ONNX graph, encoding inside."""

from __future__ import annotations

import warnings
from typing import Any

from onnx import ModelProto
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.pipeline import Pipeline

from retread.bundle import Datatype, Signature

_OPSETS = {"": 21, "ai.onnx.ml": 3}


def export_pipeline(pipeline: Pipeline, signature: Signature) -> bytes:
    """The graph with the signature's inputs, and its first output alone."""
    kinds = {Datatype.FP32: FloatTensorType, Datatype.BYTES: StringTensorType}
    types = [(s.name, kinds[s.datatype]([None, s.shape[1]])) for s in signature.inputs]
    estimator = pipeline.steps[-1][1]
    options: dict[int, Any] = {}
    if hasattr(estimator, "predict_proba"):
        options[id(estimator)] = {"zipmap": False}
    with warnings.catch_warnings():
        # skl2onnx passes booleans where protobuf will want integers; it is theirs to change.
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = to_onnx(pipeline, initial_types=types, options=options, target_opset=_OPSETS)
    _keep_output(graph, signature.outputs[0].name)
    return bytes(graph.SerializeToString(deterministic=True))


def _keep_output(model: ModelProto, name: str) -> None:
    # The last output holds probabilities or values; a classifier's first is the label, whose
    # order and names are the manifest's business.
    kept = model.graph.output[-1]
    for node in model.graph.node:
        renamed = [name if output == kept.name else output for output in node.output]
        del node.output[:]
        node.output.extend(renamed)
    for _ in range(len(model.graph.output) - 1):
        del model.graph.output[0]
    model.graph.output[0].name = name
