"""`[training] refit`: the recipe of the judged model is trained once more, on all rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retread.bundle import EVIDENCE, JUDGED, MODEL, OnnxModel, decode_evidence
from retread.training.evaluation import score

from .conftest import MakeHarness, Rows, TrainingHarness, fruit, rentals


def harness_of(
    kind: str, make_harness: MakeHarness, table: Callable[[Rows], Path], **training: Any
) -> TrainingHarness:
    if kind == "tabular-regression":
        rows, label, data = rentals(), "cnt", {"timestamp": "at"}
    else:
        rows, label, data = fruit(), "kind", {}
    return make_harness(
        table(rows), label, data=data, recipe={"kind": kind}, training=training,
        early_stopping={"min_loss": 5.0, "min_accuracy": 0.0},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "model_type"),
    [("tabular-classification", "random_forest"), ("tabular-regression", "gradient_boosting")],
)
def test_the_served_model_has_seen_all_rows_and_the_judged_one_is_kept(
    kind: str, model_type: str, make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    plain = harness_of(kind, make_harness, table, model_type=model_type)
    usual = plain.bundles.manifest(plain.run(plain.request()).bundle)
    assert usual.refit is None
    harness = harness_of(kind, make_harness, table, model_type=model_type, refit=True)
    digest = harness.run(harness.request()).bundle
    manifest = harness.bundles.manifest(digest)
    assert manifest.refit is not None
    assert manifest.refit.rows == harness.version.rows
    assert manifest.metrics == usual.metrics
    assert manifest.files[JUDGED].digest == usual.files[MODEL].digest
    assert manifest.files[MODEL].digest != usual.files[MODEL].digest
    # Production is scored again for each candidate: by the model that has not seen the split.
    kept = decode_evidence(harness.bundles.read(digest, EVIDENCE))
    again = score(harness.bundles, digest, harness.datasets, harness.version)
    np.testing.assert_array_equal(again.outputs, kept.outputs)
    OnnxModel(harness.bundles.read(digest, MODEL), manifest.signature)
