"""Running ONNX models, for the parity check, the gate and the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import onnxruntime as ort

from retread.bundle.manifest import Signature, TensorSpec
from retread.core import IntegrityBroken

Arrays = Mapping[str, npt.NDArray[Any]]


class OnnxModel:
    """A loaded model. `run` may be called from several threads at the same time."""

    def __init__(self, content: bytes, signature: Signature, *, threads: int = 1) -> None:
        """Load a model.

        Args:
            content: An ONNX file without external data.
            signature: Its expected inputs and outputs.
            threads: Number of threads that one call of `run` may use.

        Raises:
            IntegrityBroken: `content` is not a valid model, or does not have this signature.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise IntegrityBroken(f"ONNX Runtime cannot load the model: {error}.") from error
        self.signature = signature
        _check_names("input", self._session.get_inputs(), signature.inputs)
        _check_names("output", self._session.get_outputs(), signature.outputs)
        self._outputs = [spec.name for spec in signature.outputs]

    def run(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Run the model on a batch.

        Args:
            inputs: Arrays by input name, with the signature's datatypes.

        Returns:
            The outputs in the order of the signature.
        """
        results: list[npt.NDArray[Any]] = self._session.run(self._outputs, dict(inputs))
        return results


def _check_names(kind: str, found: Sequence[Any], declared: Sequence[TensorSpec]) -> None:
    names = {value.name for value in found}
    missing = [spec.name for spec in declared if spec.name not in names]
    if missing:
        raise IntegrityBroken(f"model.onnx has no {kind} {missing}; it has {sorted(names)}.")
