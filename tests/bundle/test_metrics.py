from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from retread.bundle import (
    UNKNOWN,
    Evidence,
    decode_evidence,
    encode_evidence,
    evidence_metrics,
    texts,
)
from retread.core import METRICS


def evidence(truth: npt.NDArray[Any], outputs: npt.NDArray[np.float32]) -> Evidence:
    ids = texts([f"{n:04}" for n in range(len(truth))])
    return Evidence(evaluation_digest="sha256:e", ids=ids, truth=truth, outputs=outputs)


def probabilities(rng: np.random.Generator, rows: int, classes: int) -> npt.NDArray[np.float32]:
    # Rounded, so that there are ties.
    raw = np.round(rng.dirichlet(np.ones(classes), size=rows), 1) + 0.01
    scaled: npt.NDArray[np.float32] = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


def summing_to_one(given_: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    exact = given_.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    return exact


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(4, 80))
def test_two_classes_match_scikit_learn(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    truth[:2] = (0, 1)
    given_ = probabilities(rng, rows, 2)
    predicted = given_.argmax(axis=1)
    found = evidence_metrics(evidence(truth, given_))
    assert found == pytest.approx(
        {
            "Loss": oracle.log_loss(truth, summing_to_one(given_), labels=[0, 1]),
            "Accuracy": oracle.accuracy_score(truth, predicted),
            "Precision": oracle.precision_score(truth, predicted, zero_division=0),
            "Recall": oracle.recall_score(truth, predicted, zero_division=0),
            "F1": oracle.f1_score(truth, predicted, zero_division=0),
            "AUC": oracle.roc_auc_score(truth, given_[:, 1]),
        },
        rel=1e-5,
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(8, 80), classes=st.integers(3, 5))
def test_several_classes_match_scikit_learn(seed: int, rows: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, rows)
    truth[:classes] = range(classes)
    given_ = probabilities(rng, rows, classes)
    predicted = given_.argmax(axis=1)
    every: dict[str, Any] = {"average": "macro", "zero_division": 0, "labels": range(classes)}
    found = evidence_metrics(evidence(truth, given_))
    one_against_rest = [
        oracle.roc_auc_score(truth == c, given_[:, c].astype(float)) for c in range(classes)
    ]
    assert found == pytest.approx(
        {
            "Loss": oracle.log_loss(truth, summing_to_one(given_), labels=range(classes)),
            "Accuracy": oracle.accuracy_score(truth, predicted),
            "Precision": oracle.precision_score(truth, predicted, **every),
            "Recall": oracle.recall_score(truth, predicted, **every),
            "F1": oracle.f1_score(truth, predicted, **every),
            "AUC": np.mean(one_against_rest),
        },
        rel=1e-5,
    )


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(2, 80))
def test_values_match_scikit_learn(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(100, 50, rows)
    outputs = (truth + rng.normal(0, 20, rows)).astype(np.float32)
    found = evidence_metrics(evidence(truth, outputs[:, None]))
    assert found == pytest.approx(
        {
            "Loss": oracle.mean_squared_error(truth, outputs),
            "MAE": oracle.mean_absolute_error(truth, outputs),
            "RMSE": oracle.root_mean_squared_error(truth, outputs),
            "R2": oracle.r2_score(truth, outputs.astype(float)),
        },
        rel=1e-6,
    )


def test_every_computed_metric_is_declared() -> None:
    declared = {metric.name for metric in METRICS}
    classes = evidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    values = evidence(np.array([0.0, 1.0]), np.array([[0.1], [0.9]], np.float32))
    assert evidence_metrics(classes).keys() | evidence_metrics(values).keys() == declared


def test_no_examples_and_a_single_class() -> None:
    empty = evidence(np.array([], np.int64), np.zeros((0, 2), np.float32))
    assert evidence_metrics(empty) == {}
    one = evidence(np.array([1, 1]), np.array([[0.4, 0.6], [0.6, 0.4]], np.float32))
    found = evidence_metrics(one)
    assert found["Recall"] == 0.5
    assert np.isnan(found["AUC"])
    constant = evidence(np.array([5.0, 5.0]), np.array([[5.0], [5.0]], np.float32))
    assert np.isnan(evidence_metrics(constant)["R2"])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_non_finite_output_never_counts_as_correct(bad: float, classes: int) -> None:
    truth = np.zeros(4, np.int64)
    outputs = np.zeros((4, classes), np.float32)
    outputs[:, 0] = bad
    found = evidence_metrics(evidence(truth, outputs))
    assert np.isnan(found["Loss"])
    assert np.isnan(found["AUC"])
    assert found["Accuracy"] == 0.0
    values = evidence_metrics(evidence(np.zeros(4), np.full((4, 1), bad, np.float32)))
    assert all(np.isnan(value) for value in values.values())


def test_evidence_survives_its_encoding() -> None:
    before = evidence(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    after = decode_evidence(encode_evidence(before))
    assert after.evaluation_digest == before.evaluation_digest
    assert after.is_classification
    for name in ("ids", "truth", "outputs"):
        left, right = getattr(before, name), getattr(after, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("classes", [2, 3])
def test_e19_an_unknown_label_never_counts_as_predicted(classes: int) -> None:
    outputs = probabilities(np.random.default_rng(0), 40, classes)
    outputs[0] = np.nan
    truth = outputs.argmax(axis=1).astype(np.int64)
    truth[:10] = UNKNOWN
    found = evidence_metrics(evidence(truth, outputs))
    assert found["Accuracy"] == pytest.approx(0.75)
    finite = evidence_metrics(evidence(truth[1:], outputs[1:]))
    known = evidence_metrics(evidence(truth[10:], outputs[10:]))
    assert finite["Loss"] > known["Loss"]
    assert finite["Recall"] == known["Recall"] == 1.0
