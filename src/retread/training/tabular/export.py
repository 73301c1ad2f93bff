"""A trained model of tables, and its export as one ONNX graph with the encoding inside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from retread.bundle import Datatype, Signature
from retread.training.inputs import CATEGORIES, FEATURES, Arrays
from retread.training.recipe import FitResult
from retread.training.tabular.encoding import CategoryEncoding, Encoding, NumberEncoding
from retread.training.tabular.precision import RESIDUAL, Scaling, Singles, TargetScaling
from retread.training.tabular.ties import tie_nodes, with_ties
from retread.training.tabular.trees import NodesAndWeights, tree_nodes

_ML = "ai.onnx.ml"
_OPSETS = {"": 21, _ML: 3}
_IR_VERSION = 10
_ENCODED = "encoded"
_TYPES = {
    Datatype.FP32: TensorProto.FLOAT,
    Datatype.FP64: TensorProto.DOUBLE,
    Datatype.BYTES: TensorProto.STRING,
}

Outputs = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedTable:
    """A trained model of tables: an encoding, an estimator, and the scaling of the target."""

    encoding: Encoding
    estimator: Any
    target: TargetScaling
    signature: Signature
    result: FitResult
    image: None = None

    def export(self) -> bytes:
        """Return the ONNX graph, encoding included."""
        return export_table(self.encoding, self.estimator, self.target, self.signature)

    def outputs(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Predict with the estimator itself."""
        return [predicted(self.estimator, self.encoding.encode(inputs), self.target)]


def predicted(estimator: Any, features: Singles, target: TargetScaling) -> Outputs:
    """Return float32 [n, classes] probabilities, with ties, or [n, 1] values."""
    if hasattr(estimator, "predict_proba"):
        return with_ties(np.asarray(estimator.predict_proba(features), dtype=np.float32))
    return target.restored(estimator.predict(features))


def export_table(
    encoding: Encoding, estimator: Any, target: TargetScaling, signature: Signature
) -> bytes:
    """Return the graph with the signature's inputs and its one output."""
    graph = _Graph()
    features = _encode(graph, encoding)
    found = tree_nodes(estimator, features) or _converted(estimator, features, encoding.width)
    graph.nodes += found.nodes
    graph.initializers += found.initializers
    output = signature.outputs[0]
    result = found.output
    if not target.is_identity or output.datatype is Datatype.FP64:
        result = _restore(graph, result, target, wide=output.datatype is Datatype.FP64)
    if hasattr(estimator, "predict_proba"):
        nodes, constants = tie_nodes(result, output.name)
        graph.nodes += nodes
        graph.initializers += constants
    else:
        graph.add("Identity", [result], output.name)
    inputs = [_value(spec.name, spec.datatype, spec.shape[1]) for spec in signature.inputs]
    outputs = [_value(output.name, output.datatype, output.shape[1])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "table", inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid(domain, number) for domain, number in _OPSETS.items()],
        ir_version=_IR_VERSION,
        producer_name="retread",
    )
    return bytes(model.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        domain = {"domain": _ML} if kind in ("LabelEncoder", "Imputer") else {}
        self.nodes.append(helper.make_node(kind, inputs, [output], **domain, **attributes))
        return output

    def constant(self, name: str, values: npt.NDArray[Any]) -> str:
        self.initializers.append(numpy_helper.from_array(values, name))
        return name


def _encode(graph: _Graph, encoding: Encoding) -> str:
    parts = []
    if encoding.numbers is not None:
        parts.append(_encode_numbers(graph, encoding.numbers))
    for index, column in enumerate(encoding.categories):
        parts.append(_encode_categories(graph, column, index))
    return parts[0] if len(parts) == 1 else graph.add("Concat", parts, _ENCODED, axis=1)


def _encode_numbers(graph: _Graph, numbers: NumberEncoding) -> str:
    encoded = FEATURES if numbers.scaling is None else _scale(graph, numbers.scaling)
    if numbers.fill is None:
        return encoded
    return graph.add(
        "Imputer",
        [encoded],
        "filled",
        imputed_value_floats=numbers.fill.tolist(),
        replaced_value_float=float("nan"),
    )


def _scale(graph: _Graph, scaling: Scaling) -> str:
    centred = graph.add("Sub", [FEATURES, graph.constant("centre", scaling.centre)], "centred")
    scaled = graph.add("Mul", [centred, graph.constant("factor", scaling.factor)], "scaled")
    rounded = graph.add("Cast", [scaled], "rounded", to=TensorProto.FLOAT)
    if not len(scaling.residual):
        return rounded
    again = graph.add("Cast", [rounded], "rounded_double", to=TensorProto.DOUBLE)
    left = graph.add("Sub", [scaled, again], "left_over")
    indices = graph.constant("residual_columns", scaling.residual)
    some = graph.add("Gather", [left, indices], "left_over_columns", axis=1)
    factor = graph.constant("residual_factor", np.array(RESIDUAL))
    larger = graph.add("Mul", [some, factor], "residual_scaled")
    residual = graph.add("Cast", [larger], "residual", to=TensorProto.FLOAT)
    return graph.add("Concat", [rounded, residual], "numbers", axis=1)


def _encode_categories(graph: _Graph, column: CategoryEncoding, index: int) -> str:
    name = f"category_{index}"
    place = graph.constant(f"{name}_column", np.array(index, dtype=np.int64))
    texts = graph.add("Gather", [CATEGORIES, place], f"{name}_texts", axis=1)
    codes = _codes(graph, texts, f"{name}_codes", column.kept)
    # One row per category, and a last one for all others.
    table = np.eye(len(column.kept) + 1, column.indicators, dtype=np.float32)
    place = graph.constant(f"{name}_table", table)
    indicators = graph.add("Gather", [place, codes], f"{name}_indicators", axis=0)
    if column.means is None:
        return indicators
    codes = _codes(graph, texts, f"{name}_code", column.means.known)
    place = graph.constant(f"{name}_means_table", column.means.table)
    means = graph.add("Gather", [place, codes], f"{name}_means", axis=0)
    return graph.add("Concat", [indicators, means], name, axis=1)


def _codes(graph: _Graph, texts: str, output: str, known: tuple[str, ...]) -> str:
    """Return the place of each text among the known ones; for all others, the one after these."""
    return graph.add(
        "LabelEncoder",
        [texts],
        output,
        keys_strings=list(known),
        values_int64s=list(range(len(known))),
        default_int64=len(known),
    )


def _restore(graph: _Graph, values: str, target: TargetScaling, *, wide: bool) -> str:
    double = graph.add("Cast", [values], "value_double", to=TensorProto.DOUBLE)
    divisor = graph.constant("target_factor", np.array(target.factor))
    scaled = graph.add("Div", [double, divisor], "value_scaled")
    centre = graph.constant("target_centre", np.array(target.centre))
    restored = graph.add("Add", [scaled, centre], "value_restored")
    if wide:
        return restored
    return graph.add("Cast", [restored], "value_single", to=TensorProto.FLOAT)


def _converted(estimator: Any, features: str, width: int) -> NodesAndWeights:
    """Convert an estimator that is not an ensemble of trees, with skl2onnx."""
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else {}
    with warnings.catch_warnings():
        # skl2onnx passes booleans where protobuf is going to require integers.
        warnings.simplefilter("ignore", DeprecationWarning)
        model: ModelProto = to_onnx(
            estimator,
            initial_types=[(features, FloatTensorType([None, width]))],
            options=options,
            target_opset=_OPSETS,
        )
    own = compose.add_prefix_graph(model.graph, "estimator/")
    entry = helper.make_node("Identity", [features], [own.input[0].name])
    # The last output holds probabilities or values. The first output of a classifier is the
    # label, whose order and names are those of the manifest.
    output = own.output[-1].name
    return NodesAndWeights([entry, *own.node], list(own.initializer), output)


def _value(name: str, datatype: Datatype, width: int) -> Any:
    return helper.make_tensor_value_info(name, _TYPES[datatype], [None, width])
