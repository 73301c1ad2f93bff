"""The model of every server in the benchmark: a forest of 100 trees on iris."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from retread.bundle import (
    EXAMPLES,
    MODEL,
    BundleStore,
    Cause,
    Datatype,
    Lineage,
    Manifest,
    Parity,
    Signature,
    TensorSpec,
    file_entries,
    pack_arrays,
)

ROW = (5.1, 3.5, 1.4, 0.2)
SIGNATURE = Signature(
    inputs=(
        TensorSpec(
            name="features",
            datatype=Datatype.FP32,
            shape=(-1, 4),
            columns=("sepal_length", "sepal_width", "petal_length", "petal_width"),
        ),
    ),
    outputs=(TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 3)),),
)


def forest_onnx() -> bytes:
    """Return the forest as ONNX, with label and probabilities as outputs."""
    features, truth = load_iris(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=100, random_state=0).fit(
        features.astype(np.float32), truth
    )
    model: Any = convert_sklearn(
        forest,
        initial_types=[("features", FloatTensorType([None, 4]))],
        options={id(forest): {"zipmap": False}},
        target_opset=17,
    )
    content: bytes = model.SerializeToString()
    return content


def store_forest(store: BundleStore, model: bytes) -> str:
    """Put the forest into a bundle, and return its digest."""
    examples = pack_arrays(features=np.array([ROW], dtype=np.float32))
    files = {MODEL: model, EXAMPLES: examples}
    manifest = Manifest(
        model="iris",
        recipe="tabular-classification",
        model_type="random_forest",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        signature=SIGNATURE,
        labels=("setosa", "versicolor", "virginica"),
        image=None,
        validation={},
        metrics={},
        parity=Parity(examples=1, largest_difference=0.0, tolerance=1e-5),
        lineage=Lineage(
            run_id="run_benchmark",
            dataset="iris",
            dataset_version=1,
            dataset_digest="",
            evaluation_digest="",
            git_commit="",
            git_dirty=False,
            environment_digest="",
            seed=0,
            parameters={},
            cause=Cause(),
        ),
        files=file_entries(files),
    )
    return store.put(manifest, files)
