"""Ensembles of trees as ONNX nodes.

skl2onnx can export them too, but writes a number per leaf and class, one at a time in Python: for
a forest of a hundred classes that takes minutes and gigabytes. Here a leaf has only the classes
that occur in it. Thresholds are rounded so that the graph, which has float32 only, takes the same
way for each row as the estimator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
BOOSTERS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)

_LEAF, _BRANCH = b"LEAF", b"BRANCH_LEQ"


@dataclass(frozen=True, slots=True, eq=False)
class TreeNodes:
    """The nodes of one tree, and what its leaves add to the outputs.

    Attributes:
        left: Child of each node where the feature is at most the threshold; 0 for leaves.
        right: The other child.
        feature: Feature of each node.
        threshold: Threshold of each node, float32 [nodes].
        is_leaf: Whether each node is a leaf.
        missing_left: Whether a missing value goes left.
        weight_node: Leaf of each weight.
        weight_target: Output that each weight adds to.
        weight: The weights, float32.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    is_leaf: npt.NDArray[np.bool_]
    missing_left: npt.NDArray[np.bool_]
    weight_node: npt.NDArray[np.int64]
    weight_target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NodesAndWeights:
    """A part of a graph.

    Attributes:
        output: Name of the result.
    """

    nodes: list[NodeProto]
    initializers: list[TensorProto]
    output: str


def tree_nodes(estimator: Any, features: str) -> NodesAndWeights | None:
    """Return the nodes of a fitted ensemble of trees; None for any other estimator.

    Args:
        features: Name of the encoded features, float32 [n, columns].

    Returns:
        Nodes whose output is the probabilities [n, classes] or the values [n, 1], float32.
    """
    if type(estimator) in FORESTS:
        return _forest(estimator, features)
    if type(estimator) in BOOSTERS and _is_plain(estimator):
        return _booster(estimator, features)
    return None


def float32_below(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 not above each value: no float32 feature lies in between.

    >>> threshold = (np.float64(np.float32(4.7)) + np.float64(np.float32(4.9))) / 2
    >>> feature = np.float32(4.8)
    >>> bool(feature <= np.float32(threshold)) == bool(np.float64(feature) <= threshold)
    False
    >>> rounded = float32_below(np.array([threshold]))[0]
    >>> bool(feature <= rounded) == bool(np.float64(feature) <= threshold)
    True
    """
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > values, below, nearest)


def _is_plain(booster: Any) -> bool:
    """Return whether a booster has no link function of its own and no splits by category."""
    plain_losses = ("squared_error", "absolute_error", "quantile", "log_loss")
    return booster.loss in plain_losses and booster.is_categorical_ is None


def _forest(forest: Any, features: str) -> NodesAndWeights:
    """Sum the trees and divide, in this order, as the estimator does."""
    targets = len(forest.classes_) if hasattr(forest, "classes_") else 1
    ensemble = _ensemble(map(_forest_tree, forest.estimators_), features, "sums", targets, [])
    count = numpy_helper.from_array(np.array(len(forest.estimators_), np.float32), "trees")
    mean = helper.make_node("Div", ["sums", "trees"], ["means"])
    return NodesAndWeights([ensemble, mean], [count], "means")


def _booster(booster: Any, features: str) -> NodesAndWeights:
    base = np.asarray(booster._baseline_prediction, dtype=np.float32).ravel()
    trees = (
        _booster_tree(predictor.nodes, target)
        for iteration in booster._predictors
        for target, predictor in enumerate(iteration)
    )
    nodes = [_ensemble(trees, features, "raw", len(base), base.tolist())]
    if not hasattr(booster, "classes_"):
        return NodesAndWeights(nodes, [], "raw")
    if len(base) > 1:
        nodes.append(helper.make_node("Softmax", ["raw"], ["shares"], axis=1))
        return NodesAndWeights(nodes, [], "shares")
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    nodes += [
        helper.make_node("Sigmoid", ["raw"], ["second"]),
        helper.make_node("Sub", ["one", "second"], ["first"]),
        helper.make_node("Concat", ["first", "second"], ["shares"], axis=1),
    ]
    return NodesAndWeights(nodes, [one], "shares")


def _forest_tree(estimator: Any) -> TreeNodes:
    tree = estimator.tree_
    is_leaf = tree.children_left < 0
    leaves = np.flatnonzero(is_leaf)
    values = tree.value[leaves, 0, :]
    row, target = np.nonzero(values) if values.shape[1] > 1 else _all(len(values))
    return TreeNodes(
        left=np.where(is_leaf, 0, tree.children_left),
        right=np.where(is_leaf, 0, tree.children_right),
        feature=np.where(is_leaf, 0, tree.feature),
        threshold=float32_below(np.where(is_leaf, 0.0, tree.threshold)),
        is_leaf=is_leaf,
        missing_left=np.zeros(len(is_leaf), dtype=np.bool_),
        weight_node=leaves[row],
        weight_target=target,
        weight=values[row, target].astype(np.float32),
    )


def _booster_tree(nodes: npt.NDArray[Any], target: int) -> TreeNodes:
    is_leaf = nodes["is_leaf"].astype(np.bool_)
    leaves = np.flatnonzero(is_leaf)
    return TreeNodes(
        left=np.where(is_leaf, 0, nodes["left"]),
        right=np.where(is_leaf, 0, nodes["right"]),
        feature=np.where(is_leaf, 0, nodes["feature_idx"]),
        threshold=float32_below(np.where(is_leaf, 0.0, nodes["num_threshold"])),
        is_leaf=is_leaf,
        missing_left=nodes["missing_go_to_left"].astype(np.bool_) & ~is_leaf,
        weight_node=leaves,
        weight_target=np.full(len(leaves), target),
        weight=nodes["value"][leaves].astype(np.float32),
    )


def _all(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return np.arange(count), np.zeros(count, dtype=np.int64)


def _ensemble(
    trees: Iterable[TreeNodes], features: str, output: str, targets: int, base: list[float]
) -> NodeProto:
    node = helper.make_node(
        "TreeEnsembleRegressor", [features], [output], domain="ai.onnx.ml", n_targets=targets
    )
    node.attribute.append(_attribute("nodes_modes", AttributeProto.STRINGS))
    attributes = {
        name: _attribute(name, kind)
        for kind, names in (
            (AttributeProto.INTS, _INTS),
            (AttributeProto.FLOATS, ("nodes_values", "target_weights")),
        )
        for name in names
    }
    modes = node.attribute[-1].strings
    for number, tree in enumerate(trees):
        modes.extend([_LEAF if leaf else _BRANCH for leaf in tree.is_leaf.tolist()])
        for name, values in _columns(number, tree):
            attribute = attributes[name]
            kept = attribute.floats if attribute.type == AttributeProto.FLOATS else attribute.ints
            kept.extend(values.tolist())
    node.attribute.extend(attributes.values())
    if base:
        node.attribute.append(helper.make_attribute("base_values", base))
    return node


_INTS = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids",
    "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids",
)  # fmt: skip


def _columns(number: int, tree: TreeNodes) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    count, weights = len(tree.left), len(tree.weight)
    yield "nodes_treeids", np.full(count, number)
    yield "nodes_nodeids", np.arange(count)
    yield "nodes_featureids", tree.feature
    yield "nodes_truenodeids", tree.left
    yield "nodes_falsenodeids", tree.right
    yield "nodes_missing_value_tracks_true", tree.missing_left.astype(np.int64)
    yield "nodes_values", tree.threshold
    yield "target_treeids", np.full(weights, number)
    yield "target_nodeids", tree.weight_node
    yield "target_ids", tree.weight_target
    yield "target_weights", tree.weight


def _attribute(name: str, kind: int) -> AttributeProto:
    attribute = AttributeProto()
    attribute.name = name
    attribute.type = kind  # type: ignore[assignment]  # protobuf's enums are integers
    return attribute
