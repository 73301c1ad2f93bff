from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from retread.bundle import (
    Cause,
    Datatype,
    Lineage,
    Manifest,
    Parity,
    Signature,
    TensorSpec,
    file_entries,
)

MakeManifest = Callable[[Mapping[str, bytes]], Manifest]


@pytest.fixture
def make_manifest() -> MakeManifest:
    """A function that makes a manifest with the given files."""

    def make(files: Mapping[str, bytes]) -> Manifest:
        return Manifest(
            model="iris",
            recipe="tabular-classification",
            model_type="random_forest",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            signature=Signature(
                inputs=(TensorSpec(name="features", datatype=Datatype.FP32, shape=(-1, 4)),),
                outputs=(TensorSpec(name="probabilities", datatype=Datatype.FP32, shape=(-1, 3)),),
            ),
            labels=("setosa", "versicolor", "virginica"),
            image=None,
            validation={"Accuracy": 0.9},
            metrics={"Accuracy": 0.9},
            parity=Parity(examples=4, largest_difference=0.0, tolerance=1e-3),
            lineage=Lineage(
                run_id="run",
                dataset="iris",
                dataset_version=1,
                dataset_digest="sha256:d",
                evaluation_digest="sha256:e",
                git_commit="c",
                git_dirty=False,
                environment_digest="sha256:v",
                seed=0,
                parameters={"trees": 100},
                cause=Cause(),
            ),
            files=file_entries(files),
        )

    return make
