"""`[training] refit`: the recipe of the judged model is trained once more, on all rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retread.bundle import (
    CATEGORIES,
    EVIDENCE,
    JUDGED,
    MODEL,
    REFERENCE,
    OnnxModel,
    decode_categories,
    decode_evidence,
    decode_reference,
)
from retread.data import Split
from retread.monitoring.streams import reference_streams
from retread.training.evaluation import score
from retread.training.examples import read_examples
from retread.training.inputs import graph_inputs

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_photos_are_trained_on_once_more(make_harness: MakeHarness, photos: Path) -> None:
    def trained(**training: Any) -> tuple[TrainingHarness, str]:
        harness = make_harness(
            photos, "folder", recipe={"image_size": 32, "positive_label": "cracked"},
            training={"epochs": 8, "learning_rate": 0.005, "optimizer_type": "adamw",
                      "batch_size": 8, **training},
            early_stopping={"min_accuracy": 0.0, "min_loss": 10.0, "patience": 20},
        )  # fmt: skip
        return harness, harness.run(harness.request()).bundle

    plain, usual = trained()
    harness, digest = trained(refit=True)
    before, manifest = plain.bundles.manifest(usual), harness.bundles.manifest(digest)
    assert manifest.refit is not None
    assert manifest.refit.rows == harness.version.rows
    assert 1 <= manifest.refit.epochs <= 8
    assert manifest.metrics == before.metrics
    assert manifest.files[JUDGED].digest == before.files[MODEL].digest
    assert manifest.files[MODEL].digest != before.files[MODEL].digest
    assert (manifest.signature, manifest.image) == (before.signature, before.image)
    kept = decode_evidence(harness.bundles.read(digest, EVIDENCE))
    again = score(harness.bundles, digest, harness.datasets, harness.version)
    np.testing.assert_array_equal(again.outputs, kept.outputs)
    # The new network's embeddings are not those that the reference was made of.
    reference = decode_reference(harness.bundles.read(digest, REFERENCE))
    assert reference.embedding.shape == (len(reference.groups), 0)
    assert decode_reference(plain.bundles.read(usual, REFERENCE)).embedding.shape[1] > 0
    assert "embedding" not in reference_streams(reference).names
    model = OnnxModel(harness.bundles.read(digest, MODEL), manifest.signature)
    examples = read_examples(harness.datasets, harness.version, Split.EVALUATION)
    inputs = graph_inputs(examples.rows, manifest.signature, manifest.image)
    outputs = model.run(inputs)[0]
    accuracy = (outputs.argmax(axis=1) == examples.truth(manifest.labels)).mean()
    assert accuracy >= 0.7
    assert np.abs(outputs - kept.outputs).max() > 1e-3


@pytest.mark.slow
def test_categories_of_all_rows_are_known(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    rows = fruit()
    rows = [{**row, "crate": f"crate {n}"} for n, row in enumerate(rows)]
    harness = make_harness(
        table(rows), "kind", data={"columns": {"crate": "category"}},
        recipe={"kind": "tabular-classification"},
        training={"model_type": "random_forest", "refit": True},
        early_stopping={"min_loss": 5.0, "min_accuracy": 0.0},
    )  # fmt: skip
    digest = harness.run(harness.request()).bundle
    known = decode_categories(harness.bundles.read(digest, CATEGORIES))
    assert len(known["crate"]) == harness.version.rows
