"""Models of tables, from rows to a bundle."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris

from retread.bundle import (
    CONFIDENCE,
    EVIDENCE,
    EXAMPLES,
    MODEL,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    REFERENCE,
    OnnxModel,
    decode_evidence,
    decode_reference,
    evidence_metrics,
    unpack_arrays,
)
from retread.core import InvalidInput, Refused
from retread.training import EpochFinished, score
from retread.training.inputs import graph_inputs
from retread.training.run import prepare

from .conftest import MakeHarness, Rows, TrainingHarness, fruit, rentals

TYPES = ["random_forest", "gradient_boosting"]


@pytest.mark.parametrize("model_type", TYPES)
def test_classification(
    make_harness: MakeHarness, table: Callable[[Rows], Path], model_type: str
) -> None:
    # Of 400 rows about 60 validate; 1 in 40 has neither a weight nor a telling colour.
    fruit_harness = make_harness(
        table(fruit(400)), "kind", recipe={"kind": "tabular-classification"}
    )
    outcome = fruit_harness.run(fruit_harness.request(model_type=model_type))
    assert outcome.reason == ""
    assert outcome.metrics["Accuracy"] > 0.9
    manifest = fruit_harness.bundles.manifest(outcome.bundle)
    assert manifest.labels == ("apple", "melon")
    assert [spec.name for spec in manifest.signature.inputs] == ["features", "categories"]
    assert manifest.parity.examples == 32
    assert manifest.parity.largest_difference < 1e-4
    assert manifest.lineage.run_id == outcome.run_id
    assert manifest.lineage.evaluation_digest == fruit_harness.version.evaluation_digest
    model = OnnxModel(fruit_harness.bundles.read(outcome.bundle, MODEL), manifest.signature)
    rows = {
        "features": np.array([[150, 0.5], [900, 0.5], [np.nan, np.nan]], dtype=np.float32),
        "categories": np.array([["red"], ["yellow"], ["never seen"]]),
    }
    (probabilities,) = model.run(rows)
    assert probabilities.dtype == np.float32
    assert list(probabilities.argmax(axis=1)[:2]) == [0, 1]
    assert np.isfinite(probabilities).all()


@pytest.mark.parametrize("model_type", TYPES)
def test_regression(rentals_harness: TrainingHarness, model_type: str) -> None:
    outcome = rentals_harness.run(rentals_harness.request(model_type=model_type))
    assert outcome.metrics["R2"] > 0.8
    manifest = rentals_harness.bundles.manifest(outcome.bundle)
    assert manifest.labels == ()
    assert [(o.name, o.shape) for o in manifest.signature.outputs] == [("value", (-1, 1))]
    reference = decode_reference(rentals_harness.bundles.read(outcome.bundle, REFERENCE))
    assert set(reference.numeric) == {"warmth", "hour", PREDICTED_VALUE}


def test_the_reference_describes_the_held_out_rows(fruit_harness: TrainingHarness) -> None:
    outcome = fruit_harness.run(fruit_harness.request())
    reference = decode_reference(fruit_harness.bundles.read(outcome.bundle, REFERENCE))
    splits = fruit_harness.version.splits
    held_out = splits["validation"] + splits["evaluation"]  # type: ignore[index]  # a StrEnum
    assert {len(v) for v in reference.numeric.values()} == {held_out}
    assert set(reference.numeric) == {"weight", "ripeness", CONFIDENCE}
    assert set(reference.categorical) == {"colour", PREDICTED_LABEL}
    assert reference.embedding.shape == (held_out, 0)
    content = fruit_harness.bundles.read(outcome.bundle, EXAMPLES)
    examples = unpack_arrays(io.BytesIO(content))
    assert examples["features"].shape == (32, 2)
    assert examples["categories"].shape == (32, 1)


@pytest.mark.parametrize("model_type", TYPES)
def test_u11_a_run_records_what_counted_for_its_model_type(
    fruit_harness: TrainingHarness, model_type: str
) -> None:
    outcome = fruit_harness.run(fruit_harness.request(model_type=model_type, epochs=2))
    boosted = model_type == "gradient_boosting"
    assert outcome.parameters["trees"] == (20 if boosted else 100)
    assert isinstance(outcome.parameters["depth"], int)
    recorded = set(fruit_harness.tracking.parameters)
    assert not recorded & {"image_size", "pretrained", "learning_rate", "batch_size"}
    assert ("epochs" in recorded) is boosted
    assert ("early_stopping_patience" in recorded) is boosted
    assert "early_stopping_min_accuracy" in recorded
    rates = {epoch.learning_rate for epoch in fruit_harness.tracking.epochs}
    assert rates == ({0.1} if boosted else {None})


def test_u11_a_regression_has_no_positive_label(rentals_harness: TrainingHarness) -> None:
    rentals_harness.run(rentals_harness.request(epochs=1))
    recorded = set(rentals_harness.tracking.parameters)
    assert not recorded & {"positive_label", "early_stopping_min_accuracy"}


def test_scoring_a_bundle_reproduces_its_evidence(fruit_harness: TrainingHarness) -> None:
    outcome = fruit_harness.run(fruit_harness.request())
    kept = decode_evidence(fruit_harness.bundles.read(outcome.bundle, EVIDENCE))
    again = score(
        fruit_harness.bundles, outcome.bundle, fruit_harness.datasets, fruit_harness.version
    )
    assert again.evaluation_digest == kept.evaluation_digest
    assert list(again.ids) == list(kept.ids) == sorted(kept.ids)
    np.testing.assert_array_equal(again.outputs, kept.outputs)
    metrics = fruit_harness.bundles.manifest(outcome.bundle).metrics
    assert metrics == pytest.approx(evidence_metrics(kept))


@pytest.mark.slow
def test_the_same_request_makes_the_same_bundle(fruit_harness: TrainingHarness) -> None:
    request = fruit_harness.request(model_type="gradient_boosting")
    first = fruit_harness.run(request)
    assert fruit_harness.run(request).bundle == first.bundle
    other = fruit_harness.run(fruit_harness.request(sample=0.5))
    assert other.bundle != first.bundle


def test_the_best_round_of_boosting_is_kept(fruit_harness: TrainingHarness) -> None:
    request = fruit_harness.request(model_type="gradient_boosting", epochs=6)
    outcome = fruit_harness.run(request)
    epochs = fruit_harness.tracking.epochs
    assert 1 <= len(epochs) <= 6
    assert outcome.metrics["Loss"] == min(epoch.metrics["Loss"] for epoch in epochs)
    assert [e for e in epochs if e.kept][-1].metrics == outcome.metrics


def irises() -> Rows:
    """Return irises, some with a wrong label so that the first rounds of boosting are the best.

    Lengths are in tenths, so that a threshold midway between two may equal a third.
    """
    data, random = load_iris(), np.random.default_rng(0)
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in data.feature_names]
    wrong = random.random(len(data.target)) < 0.3
    targets = np.where(wrong, random.integers(0, 3, len(wrong)), data.target)
    return [
        {**dict(zip(names, row, strict=True)), "kind": str(data.target_names[target])}
        for row, target in zip(data.data.tolist(), targets, strict=True)
    ]


def test_the_export_of_boosting_that_kept_an_early_round_is_exact(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(table(irises()), "kind", recipe={"kind": "tabular-classification"})
    request = harness.request(model_type="gradient_boosting", epochs=10)
    recipe, task = prepare(harness.context, request, harness.version)
    epochs = list[EpochFinished]()
    trained = recipe.train(task, epochs.append)
    assert not epochs[-1].kept, "the test needs fewer rounds than were trained at first"
    rows = graph_inputs(harness.datasets.read(harness.version), trained.signature, None)
    exported = OnnxModel(trained.export(), trained.signature).run(rows)
    np.testing.assert_allclose(exported[0], trained.outputs(rows)[0], atol=1e-5)


def test_a_run_under_the_threshold_leaves_no_bundle(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "random_forest"},
        early_stopping={"min_accuracy": 1.0, "min_loss": 0.0},
    )
    outcome = harness.run(harness.request())
    assert outcome.bundle == ""
    assert "early_stopping.min_loss 0" in outcome.reason
    assert harness.bundles.digests() == ()
    assert harness.tracking.graphs == []


def test_a_window_is_the_same_for_training_and_evidence(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(rentals(480)),
        "cnt",
        data={"timestamp": "at", "window_days": 8.0, "split": "random"},
        recipe={"kind": "tabular-regression"},
        training={"model_type": "gradient_boosting"},
    )
    outcome = harness.run(harness.request())
    kept = decode_evidence(harness.bundles.read(outcome.bundle, EVIDENCE))
    assert 0 < len(kept.ids) < 480 * 0.2
    again = score(
        harness.bundles, outcome.bundle, harness.datasets, harness.version, window_days=8.0
    )
    assert again.evaluation_digest == kept.evaluation_digest != harness.version.evaluation_digest
    lineage = harness.bundles.manifest(outcome.bundle).lineage
    assert lineage.evaluation_digest == kept.evaluation_digest


def _with(rows: Rows, **columns: Callable[[int], Any]) -> Rows:
    made = {name: [value(index) for index in range(len(rows))] for name, value in columns.items()}
    return [row | {name: made[name][i] for name in made} for i, row in enumerate(rows)]


def test_columns_with_infinite_values_are_named(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    rows = _with(fruit(), speed=lambda i: "inf" if i % 3 else str(i))
    harness = make_harness(
        table(rows),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "random_forest"},
    )
    with pytest.raises(Refused, match="quarantine"):
        harness.run(harness.request())
    (failed,) = harness.version.failed_checks
    assert "'speed'" in failed.reason
    assert "'inf'" in failed.reason
    # Once a person has released the version, cells that cannot be read are missing.
    harness.datasets.release("sample", 1)
    outcome = harness.run(harness.request())
    stored = harness.datasets.read(harness.version)
    assert stored["speed"].null_count == sum(row["speed"] == "inf" for row in rows)
    signature = harness.bundles.manifest(outcome.bundle).signature
    infinite = pa.array([np.inf] * stored.num_rows)
    position = stored.column_names.index("speed")
    with pytest.raises(InvalidInput, match=r"infinite, or too large.*speed"):
        graph_inputs(stored.set_column(position, "speed", infinite), signature, None)


@pytest.mark.parametrize(
    ("name", "column", "label"),
    [
        ("D6", lambda i: 20_180_101 + i, lambda i: "ab"[i // 80 % 2]),
        ("D6", lambda i: 1_514_764_800_000 + 7 * i, lambda i: "ab"[i // 80 % 2]),
        ("E22", lambda i: f"P{i % 40:04d}", lambda i: "ab"[i % 2]),
        ("E23", lambda i: "log line; " * 10_000 if i == 7 else f"n{i % 2}", lambda i: "ab"[i % 2]),
    ],
)
@pytest.mark.parametrize("model_type", TYPES)
def test_d6_e22_e23_columns_of_any_kind_make_a_small_exact_bundle(
    make_harness: MakeHarness,
    table: Callable[[Rows], Path],
    name: str,
    column: Callable[[int], Any],
    label: Callable[[int], str],
    model_type: str,
) -> None:
    rows: Rows = [{"x": i % 7 / 7, "it": column(i), "kind": label(i)} for i in range(400)]
    harness = make_harness(
        table(rows),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": model_type, "epochs": 3, "max_categories": 16},
        early_stopping={"min_loss": 10.0, "min_accuracy": 0.0},
    )
    outcome = harness.run(harness.request())
    assert outcome.metrics["Accuracy"] > 0.8
    assert bool(outcome.notes) is (name == "E22")
    manifest = harness.bundles.manifest(outcome.bundle)
    assert manifest.signature.inputs[0].datatype == ("FP64" if name == "D6" else "FP32")
    assert sum(entry.size for entry in manifest.files.values()) < 3_000_000
    score(harness.bundles, outcome.bundle, harness.datasets, harness.version)


def test_a_window_without_rows_is_refused(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(rentals()),
        "cnt",
        data={"timestamp": "at", "window_days": 0.0001},
        recipe={"kind": "tabular-regression"},
        training={"model_type": "gradient_boosting"},
    )
    with pytest.raises(InvalidInput, match="split has"):
        harness.run(harness.request())
    assert harness.tracking.keys == {}


def test_an_export_that_differs_is_refused(
    make_harness: MakeHarness, table: Callable[[Rows], Path]
) -> None:
    harness = make_harness(
        table(rentals()),
        "cnt",
        recipe={"kind": "tabular-regression"},
        data={"timestamp": "at"},
        training={"model_type": "gradient_boosting", "parity_tolerance": 1e-12},
    )
    with pytest.raises(Refused, match="parity_tolerance"):
        harness.run(harness.request())
    assert harness.bundles.digests() == ()
    assert len(harness.tracking.failures) == 1
