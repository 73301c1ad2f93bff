"""A trained network, and its export as one ONNX graph from pixels to probabilities."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from onnx import GraphProto, ModelProto

from retread.bundle import ImageInput, Pixels, Signature
from retread.core import MissingDependency
from retread.data.store import IMAGE
from retread.training.inputs import Arrays
from retread.training.network import ExportedNetwork, Network
from retread.training.recipe import FitResult

_OPSET = 20
_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """A network at its best epoch."""

    network: Network
    signature: Signature
    image: ImageInput
    result: FitResult
    device: torch.device

    def export(self) -> bytes:
        """Return the ONNX graph, normalisation of pixels included."""
        return export_network(self.network, self.signature)

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Predict with the network itself."""
        return network_outputs(self.network, inputs[IMAGE], self.device)


def network_outputs(
    network: Network, pixels: Pixels, device: torch.device
) -> list[npt.NDArray[Any]]:
    """Predict uint8 pixels [n, H, W, 3].

    Returns:
        Probabilities [n, classes] and embeddings [n, width], in float32.
    """
    module = ExportedNetwork(network).to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            batch = torch.from_numpy(pixels[start : start + _BATCH]).to(device)
            parts.append([output.float().cpu().numpy() for output in module(batch)])
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def export_network(network: Network, signature: Signature) -> bytes:
    """Return the graph with the signature's names and a free batch dimension.

    Raises:
        MissingDependency: onnxscript, which PyTorch's exporter needs, is not installed.
    """
    try:
        import onnxscript  # noqa: F401  only to see whether it is installed
    except ModuleNotFoundError:
        raise MissingDependency("onnxscript", "vision") from None
    _, height, width, _ = signature.inputs[0].shape
    module = ExportedNetwork(network).cpu().eval()
    sample = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # Deprecations inside PyTorch's own exporter; nothing here calls what they name.
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
    # The exporter records stack traces with paths of this machine, but equal networks must be
    # equal bytes everywhere.
    _strip(model.graph)
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    return bytes(model.SerializeToString(deterministic=True))


def _strip(graph: GraphProto) -> None:
    graph.doc_string = ""
    del graph.metadata_props[:]
    for value in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.doc_string = ""
        del value.metadata_props[:]
