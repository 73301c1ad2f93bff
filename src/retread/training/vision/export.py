"""A network as one ONNX graph, from pixels to probabilities."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import torch
from onnx import GraphProto, ModelProto

from retread.bundle import Signature
from retread.core import MissingDependency
from retread.training.network import Network, Served

_OPSET = 20


def export_network(network: Network, signature: Signature) -> bytes:
    """The graph with the signature's names and a free batch dimension."""
    try:
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ModuleNotFoundError:
        raise MissingDependency("onnxscript", "vision") from None
    _, height, width, _ = signature.inputs[0].shape
    module = Served(network).cpu().eval()
    sample = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # Deprecations inside torch's own exporter; nothing here calls what they name.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (sample,),
            dynamo=True,
            input_names=[spec.name for spec in signature.inputs],
            output_names=[spec.name for spec in signature.outputs],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None, "dynamo=True without a file returns the program"
    return _canonical(program.model_proto)


def _canonical(model: ModelProto) -> bytes:
    # The exporter notes stack traces, with paths of this machine; equal networks must be equal
    # bytes everywhere.
    _forget(model.graph)
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


def _forget(graph: GraphProto) -> None:
    graph.doc_string = ""
    del graph.metadata_props[:]
    for value in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.doc_string = ""
        del value.metadata_props[:]
