"""Ties: the graph and the trained model name the same label, the one of the lowest index."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestClassifier

from retread.bundle import Datatype, OnnxModel, Signature, TensorSpec
from retread.training.tabular.encoding import Encoding, NumberEncoding
from retread.training.tabular.export import export_table, predicted
from retread.training.tabular.precision import TargetScaling
from retread.training.tabular.ties import TOLERANCE, tie_nodes, with_ties


def graph_of_ties(classes: int) -> ort.InferenceSession:
    """Return a graph that does nothing but what makes ties."""
    nodes, constants = tie_nodes("exact", "probabilities")
    graph = helper.make_graph(
        nodes,
        "ties",
        [helper.make_tensor_value_info("exact", TensorProto.FLOAT, ["N", classes])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


GRAPH = graph_of_ties(3)


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=20),
    st.integers(0, 2**32 - 1),
)
def test_e26_the_graph_makes_the_same_ties_whatever_is_lost_in_rounding(
    rows: list[list[float]], seed: int
) -> None:
    exact = np.array(rows, dtype=np.float32)
    exact[:, 2] = exact[:, 0]
    (graph,) = GRAPH.run(None, {"exact": exact})
    assert np.array_equal(graph, with_ties(exact))
    noise = np.random.default_rng(seed).uniform(-1, 1, exact.shape) * TOLERANCE / 4
    (noisy,) = GRAPH.run(None, {"exact": (exact + noise).astype(np.float32)})
    close = np.abs(exact[:, 0] - exact[:, 1]) < 2 * TOLERANCE
    assert np.array_equal(graph.argmax(axis=1)[~close], noisy.argmax(axis=1)[~close])
    assert not (noisy.argmax(axis=1) == 2).any(), "of two equal ones, the first"


@pytest.mark.parametrize("trees", [2, 10, 100])
def test_e26_a_forests_even_votes_are_for_the_first_label_in_both(trees: int) -> None:
    """Trees that learned random labels by heart often vote 50 : 50 about other rows."""
    random = np.random.default_rng(trees)
    learned, rows = random.normal(size=(2, 1000, 2)).astype(np.float32)
    target = random.integers(0, 2, len(learned))
    forest = RandomForestClassifier(trees, random_state=0, n_jobs=1).fit(learned, target)
    exact = forest.predict_proba(rows)
    assert (np.abs(exact[:, 0] - 0.5) < 1e-9).sum() >= 5, "there are ties"
    encoding, scaling = Encoding(NumberEncoding(2, None, None), ()), TargetScaling()
    signature = Signature(
        inputs=(
            TensorSpec(name="features", datatype=Datatype.FP32, shape=(-1, 2), columns=("a", "b")),
        ),
        outputs=(TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 2)),),
    )
    model = OnnxModel(export_table(encoding, forest, scaling, signature), signature)
    (graph,) = model.run({"features": rows})
    trained = predicted(forest, rows, scaling)
    assert np.array_equal(graph.argmax(axis=1), trained.argmax(axis=1))
    even = np.abs(exact[:, 0] - 0.5) < 1e-9
    assert not graph.argmax(axis=1)[even].any()
