"""Small real bundles, made in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from retread.bundle import (
    CONFIDENCE,
    ENVIRONMENT,
    EVIDENCE,
    EXAMPLES,
    MODEL,
    PREDICTED_LABEL,
    REFERENCE,
    BundleStore,
    Cause,
    Datatype,
    Evidence,
    ImageInput,
    Lineage,
    Manifest,
    Parity,
    Reference,
    Signature,
    TensorSpec,
    encode_evidence,
    encode_reference,
    evidence_metrics,
    file_entries,
    pack_arrays,
)

IRIS_COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
IRIS_LABELS = ("setosa", "versicolor", "virginica")
IMAGE_LABELS = ("dark", "bright")
IMAGE_SIZE = 16

Floats = npt.NDArray[np.float32]
_OPSET = 17


def iris_bundle(store: BundleStore, *, flipped: bool = False, seed: int = 0) -> str:
    """A random forest on iris; `flipped` learned that every flower is the next kind."""
    features, truth = _iris()
    learned = (truth + 1) % 3 if flipped else truth
    model = _forest(flipped, seed)
    evaluation = np.arange(len(truth)) % 3 == 0
    outputs = _run(model, {"features": features[evaluation]})
    evidence = Evidence(
        evaluation_digest="sha256:" + "e" * 64,
        ids=np.array([f"row-{i:03}" for i in np.flatnonzero(evaluation)]),
        truth=truth[evaluation],
        outputs=outputs,
    )
    predicted = np.array(IRIS_LABELS)[outputs.argmax(axis=1)]
    numeric = {
        name: features[evaluation, i].astype(np.float64) for i, name in enumerate(IRIS_COLUMNS)
    }
    reference = Reference(
        numeric={**numeric, CONFIDENCE: outputs.max(axis=1).astype(np.float64)},
        categorical={PREDICTED_LABEL: predicted},
        embedding=np.zeros((len(outputs), 0), dtype=np.float32),
    )
    return _stored(
        store,
        model,
        signature=table_signature(),
        labels=IRIS_LABELS,
        evidence=evidence,
        reference=reference,
        examples={"features": features[:8]},
        parameters={"flipped": flipped, "seed": seed, "rows": len(learned)},
    )


def constant_bundle(store: BundleStore, row: Sequence[float]) -> str:
    """Takes iris and always answers `row`; NaN is an answer too."""
    weights = numpy_helper.from_array(np.zeros((4, 3), dtype=np.float32), "weights")
    bias = numpy_helper.from_array(np.array(row, dtype=np.float32), "bias")
    nodes = [helper.make_node("Gemm", ["features", "weights", "bias"], ["probabilities"])]
    return _table(store, nodes, [weights, bias])


def slow_bundle(store: BundleStore, *, products: int = 4) -> str:
    """Takes iris and about 0.1 s for each of its `products`, on one slow core."""
    size = numpy_helper.from_array(np.array([1500, 1500], dtype=np.int64), "size")
    zero = numpy_helper.from_array(np.zeros((4, 3), dtype=np.float32), "zero")
    nodes = [
        # It depends on the input, so that nothing is folded away at load time.
        helper.make_node("ReduceSum", ["features"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "size"], ["m0"]),
    ]
    for i in range(products):
        nodes.append(helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"p{i}"]))
        nodes.append(helper.make_node("Tanh", [f"p{i}"], [f"m{i + 1}"]))
    nodes += [
        helper.make_node("ReduceMax", [f"m{products}"], ["top"], keepdims=0),
        helper.make_node("MatMul", ["features", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "top"], ["probabilities"]),
    ]
    return _table(store, nodes, [size, zero])


def external_data_bundle(store: BundleStore, location: str) -> str:
    """Its weights are in another file, which must never be opened."""
    weights = numpy_helper.from_array(np.zeros((4, 3), dtype=np.float32), "weights")
    onnx.external_data_helper.set_external_data(weights, location)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    return _table(
        store, [helper.make_node("MatMul", ["features", "weights"], ["probabilities"])], [weights]
    )


def tiny_image_bundle(store: BundleStore, *, embedded: bool = True) -> str:
    """Tells bright images from dark ones by their mean colour, which is also its embedding."""
    shape: list[str | int | None] = ["N", IMAGE_SIZE, IMAGE_SIZE, 3]
    weights = np.array([[-8, 8]] * 3, dtype=np.float32)
    bias = np.array([12, -12], dtype=np.float32)
    scale = numpy_helper.from_array(np.array(1 / 255, dtype=np.float32), "scale")
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["embedding"]),
        helper.make_node("Gemm", ["embedding", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs = [_value("probabilities", 2), _value("embedding", 3)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        outputs if embedded else outputs[:1],
        [
            scale,
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    signature = Signature(
        inputs=(
            TensorSpec(
                name="image", datatype=Datatype.UINT8, shape=(-1, IMAGE_SIZE, IMAGE_SIZE, 3)
            ),
        ),
        outputs=(
            TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2)),
            TensorSpec(name="embedding", datatype=Datatype.FP32, shape=(-1, 3)),
        )[: 2 if embedded else 1],
    )
    images = np.stack(
        [np.full((IMAGE_SIZE, IMAGE_SIZE, 3), v, dtype=np.uint8) for v in (20, 60, 200, 240)]
    )
    return _stored(
        store,
        _serialised(graph),
        signature=signature,
        labels=IMAGE_LABELS,
        examples={"image": images},
        image=ImageInput(size=IMAGE_SIZE),
    )


def table_signature() -> Signature:
    """Of everything here that takes iris."""
    return Signature(
        inputs=(
            TensorSpec(
                name="features", datatype=Datatype.FP32, shape=(-1, 4), columns=IRIS_COLUMNS
            ),
        ),
        outputs=(TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 3)),),
    )


def mixed_bundle(store: BundleStore) -> str:
    """A regression on one number and one category: `hours`, plus 10 where `day` is 'sunday'."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["categories"],
            ["bonus"],
            domain="ai.onnx.ml",
            keys_strings=["sunday"],
            values_floats=[10.0],
            default_float=0.0,
        ),
        helper.make_node("Add", ["features", "bonus"], ["value"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mixed",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("categories", TensorProto.STRING, ["N", 1]),
        ],
        [_value("value", 1)],
    )
    signature = Signature(
        inputs=(
            TensorSpec(name="features", datatype=Datatype.FP32, shape=(-1, 1), columns=("hours",)),
            TensorSpec(name="categories", datatype=Datatype.BYTES, shape=(-1, 1), columns=("day",)),
        ),
        outputs=(TensorSpec(name="value", datatype=Datatype.FP32, shape=(-1, 1)),),
    )
    examples = {
        "features": np.array([[1.0]], dtype=np.float32),
        "categories": np.array([["sunday"]]),
    }
    return _stored(store, _serialised(graph), signature=signature, labels=(), examples=examples)


def _table(store: BundleStore, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> str:
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 4])],
        [_value("probabilities", 3)],
        weights,
    )
    return _stored(
        store,
        _serialised(graph),
        signature=table_signature(),
        labels=IRIS_LABELS,
        examples={"features": _iris()[0][:2]},
    )


def _value(name: str, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])


def _serialised(graph: onnx.GraphProto) -> bytes:
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(
        graph, opset_imports=opsets, ir_version=9
    ).SerializeToString()
    return content


def _stored(
    store: BundleStore,
    model: bytes,
    *,
    signature: Signature,
    labels: tuple[str, ...],
    examples: dict[str, npt.NDArray[np.generic]],
    evidence: Evidence | None = None,
    reference: Reference | None = None,
    image: ImageInput | None = None,
    parameters: dict[str, str | int | float | bool | None] | None = None,
) -> str:
    files = {MODEL: model, EXAMPLES: pack_arrays(**examples), ENVIRONMENT: b"numpy==2\n"}
    if evidence is not None:
        files[EVIDENCE] = encode_evidence(evidence)
    if reference is not None:
        files[REFERENCE] = encode_reference(reference)
    manifest = Manifest(
        model="test",
        recipe="tabular-classification" if image is None else "image-classification",
        model_type="random_forest",
        created_at="2026-01-01T00:00:00+00:00",
        signature=signature,
        labels=labels,
        image=image,
        validation={},
        metrics=evidence_metrics(evidence) if evidence is not None else {},
        parity=Parity(examples=2, largest_difference=0.0, tolerance=1e-5),
        lineage=_lineage(evidence, parameters or {}),
        files=file_entries(files),
    )
    return store.put(manifest, files)


def _lineage(
    evidence: Evidence | None, parameters: dict[str, str | int | float | bool | None]
) -> Lineage:
    return Lineage(
        run_id="run_test",
        dataset="iris",
        dataset_version=1,
        dataset_digest="sha256:" + "d" * 64,
        evaluation_digest=evidence.evaluation_digest if evidence else "sha256:" + "e" * 64,
        git_commit="0" * 40,
        git_dirty=False,
        environment_digest="sha256:" + "f" * 64,
        seed=0,
        parameters=parameters,
        cause=Cause(),
    )


@cache
def _iris() -> tuple[Floats, npt.NDArray[np.int64]]:
    from sklearn.datasets import load_iris

    features, truth = load_iris(return_X_y=True)
    return features.astype(np.float32), truth.astype(np.int64)


@cache
def _forest(flipped: bool, seed: int) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import RandomForestClassifier

    features, truth = _iris()
    learned = (truth + 1) % 3 if flipped else truth
    forest = RandomForestClassifier(10, random_state=seed, n_jobs=1).fit(features, learned)
    converted = convert_sklearn(
        forest,
        initial_types=[("features", FloatTensorType([None, 4]))],
        options={id(forest): {"zipmap": False}},
        target_opset=_OPSET,
    )
    content: bytes = converted.SerializeToString()
    return content


def _run(model: bytes, inputs: dict[str, Floats]) -> Floats:
    import onnxruntime as ort

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], inputs)
    return np.asarray(probabilities, dtype=np.float32)
