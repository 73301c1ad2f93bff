"""One rule for ties in the graph and in the trained model: the label of the lowest index.

The trees of a forest that vote 50 : 50 are added up in float64 by scikit-learn and in float32 by
the graph, whose sums miss a tie by rounding. Both take probabilities that are as good as the
highest for equal to it, so that whoever picks the first of the highest picks the same label.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

TOLERANCE = 1e-5
"""More than what float32 loses in the sum of some hundred votes."""


def with_ties(probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return probabilities [n, classes], those close to the highest of a row being equal to it.

    >>> with_ties(np.array([[0.49999988, 0.50000012]], dtype=np.float32)).argmax(axis=1).tolist()
    [0]
    """
    highest = probabilities.max(axis=1, keepdims=True)
    return np.where(probabilities >= highest - np.float32(TOLERANCE), highest, probabilities)


def tie_nodes(exact: str, output: str) -> tuple[list[NodeProto], list[TensorProto]]:
    """Return the nodes and constants that do to probabilities what `with_ties` does.

    Args:
        exact: The name of the probabilities.
        output: The name of the result.
    """
    constants = [
        numpy_helper.from_array(np.array([TOLERANCE], dtype=np.float32), "tie_tolerance"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "tie_axis"),
    ]
    nodes = [
        helper.make_node("ReduceMax", [exact, "tie_axis"], ["highest"], keepdims=1),
        helper.make_node("Sub", ["highest", "tie_tolerance"], ["lowest_of_ties"]),
        helper.make_node("GreaterOrEqual", [exact, "lowest_of_ties"], ["is_tie"]),
        helper.make_node("Where", ["is_tie", "highest", exact], [output]),
    ]
    return nodes, constants
