from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from retread.bundle import (
    Datatype,
    OnnxModel,
    Reference,
    Signature,
    TensorSpec,
    decode_reference,
    encode_reference,
    pack_arrays,
    unpack_arrays,
)
from retread.core import IntegrityBroken

SIGNATURE = Signature(
    inputs=(TensorSpec(name="features", datatype=Datatype.FP32, shape=(-1, 2)),),
    outputs=(TensorSpec(name="value", datatype=Datatype.FP32, shape=(-1, 2)),),
)


def doubling() -> onnx.ModelProto:
    two = helper.make_tensor("two", TensorProto.FLOAT, [], [2.0])
    graph = helper.make_graph(
        [helper.make_node("Mul", ["features", "two"], ["value"])],
        "doubling",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, ["n", 2])],
        [two],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    return model


def test_a_model_returns_what_its_signature_declares() -> None:
    model = OnnxModel(doubling().SerializeToString(), SIGNATURE)
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    (value,) = model.run({"features": rows})
    np.testing.assert_array_equal(value, rows * 2)


def test_threads_may_share_a_model() -> None:
    model = OnnxModel(doubling().SerializeToString(), SIGNATURE)
    inputs = [np.full((1, 2), n, np.float32) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda row: model.run({"features": row})[0], inputs))
    assert [float(result[0, 0]) for result in results] == [2.0 * n for n in range(200)]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04K\x01.", b"\x08" * 100])
def test_invalid_models_are_refused(content: bytes) -> None:
    with pytest.raises(IntegrityBroken, match="ONNX Runtime cannot load"):
        OnnxModel(content, SIGNATURE)


def test_another_signature_is_refused() -> None:
    other = Signature(inputs=SIGNATURE.inputs, outputs=(SIGNATURE.inputs[0],))
    with pytest.raises(IntegrityBroken, match=r"no output \['features'\]"):
        OnnxModel(doubling().SerializeToString(), other)


def test_weights_outside_the_file_are_refused() -> None:
    model = doubling()
    weight = model.graph.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "weights.bin", "offset": "0", "length": "4"}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, value
    with pytest.raises(IntegrityBroken):
        OnnxModel(model.SerializeToString(), SIGNATURE)


def test_a_reference_survives_its_encoding() -> None:
    before = Reference(
        numeric={"a b:c": np.array([1.0, np.nan])},
        categorical={"label": np.array(["x", "y"], dtype=np.str_)},
        embedding=np.zeros((2, 0), np.float32),
    )
    after = decode_reference(encode_reference(before))
    np.testing.assert_array_equal(after.numeric["a b:c"], before.numeric["a b:c"])
    np.testing.assert_array_equal(after.categorical["label"], before.categorical["label"])
    assert after.embedding.shape == (2, 0)


def test_arrays_never_contain_objects(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pickle"):
        pack_arrays(x=np.array([{}], dtype=object))
    path = tmp_path / "objects.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with path.open("rb") as file, pytest.raises(ValueError, match="pickle"):
        unpack_arrays(file)
