"""The gate knows the task: a constant answer, the recall of every class, what is not defined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from msgspec.structs import replace as changed
from tests.registry.harness import BundleMaker

from retread.bundle import Evidence, evidence_metrics
from retread.core import CheckResult, Outcome, Verdict
from retread.project.settings import GateSection
from retread.registry import GateInputs, Measurement, judge

COUNT = 400


def verdict_of(
    maker: BundleMaker,
    truth: npt.NDArray[Any],
    outputs: npt.NDArray[Any],
    labels: tuple[str, ...] = ("ok", "fault"),
    **settings: Any,
) -> Verdict:
    ids = np.array([f"id{i:04}" for i in range(len(truth))])
    found = Evidence("sha256:e", ids, truth, outputs.astype(np.float32))
    manifest = changed(maker.manifest(maker.evidence(), "run_1"), labels=labels)
    measured = Measurement(latency_ms=np.full(50, 1.0), finite=True)
    return judge(GateInputs(GateSection(**settings), manifest, found, measured))


def result(verdict: Verdict, name: str) -> CheckResult:
    return next(check for check in verdict.checks if check.check == name)


def two_classes(positive: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.stack([1.0 - positive, positive], axis=1)


def faults(share: float) -> npt.NDArray[np.int64]:
    return (np.arange(COUNT) < share * COUNT).astype(np.int64)


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5])
def test_e10_a_model_of_noise_never_passes(share: float, maker: BundleMaker) -> None:
    passed = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        # As a forest gives them: shares of votes around the share of faults, whatever the truth.
        votes = random.beta(20 * share, 20 * (1 - share), COUNT)
        verdict = verdict_of(maker, faults(share), two_classes(votes), threshold=0.1)
        passed += result(verdict, "constant").outcome is Outcome.PASS
    assert passed <= 3


def test_e10_the_same_answer_to_everything_fails(maker: BundleMaker) -> None:
    verdict = verdict_of(maker, faults(0.03), two_classes(np.full(COUNT, 0.03)))
    found = result(verdict, "constant")
    assert found.outcome is Outcome.FAIL
    assert "the same answer, 'ok', to all 400 evaluation examples" in found.reason


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5])
def test_e10_a_model_that_finds_faults_passes(share: float, maker: BundleMaker) -> None:
    truth = faults(share)
    random = np.random.default_rng(0)
    found_out = (truth == 1) & (random.random(COUNT) < 0.8)
    verdict = verdict_of(maker, truth, two_classes(np.where(found_out, 0.9, 0.05)))
    assert result(verdict, "constant").outcome is Outcome.PASS


def test_e10_recall_of_every_class_and_the_positive_one_are_in_the_verdict(
    maker: BundleMaker,
) -> None:
    truth = faults(0.1)
    outputs = two_classes(np.where(np.arange(COUNT) < 30, 0.9, 0.1))
    found = result(verdict_of(maker, truth, outputs), "classes")
    assert found.numbers["recall of fault"] == pytest.approx(0.75)
    assert found.numbers["recall of ok"] == 1.0
    assert "'fault' 0.750 (of 40)" in found.reason
    assert "The positive class is 'fault'." in found.reason
    strict = verdict_of(maker, truth, outputs, min_recall=0.8)
    assert result(strict, "classes").outcome is Outcome.FAIL
    assert "At least 0.8 is required of each class." in result(strict, "classes").reason


def test_d11_a_class_without_evaluation_examples_is_named(maker: BundleMaker) -> None:
    truth = np.arange(COUNT) % 2
    outputs = np.full((COUNT, 3), 0.1)
    outputs[np.arange(COUNT), truth] = 0.8
    found = result(verdict_of(maker, truth, outputs, ("a", "b", "c")), "classes")
    assert found.outcome is Outcome.PASS
    assert found.notice
    assert "Not judged, without evaluation examples: 'c'." in found.reason


def test_d11_metrics_are_averaged_over_the_classes_that_occur() -> None:
    truth = np.arange(COUNT) % 2
    outputs = np.full((COUNT, 3), 0.1)
    outputs[np.arange(COUNT), truth] = 0.8
    ids = np.array([f"id{i:04}" for i in range(COUNT)])
    found = evidence_metrics(Evidence("sha256:e", ids, truth, outputs.astype(np.float32)))
    assert found["Recall"] == found["Precision"] == found["F1"] == 1.0


@pytest.mark.parametrize("metric", ["Precision", "Recall", "F1"])
@pytest.mark.parametrize("answered", [0.1, 0.9])
def test_e34_without_positives_a_metric_is_not_defined_and_it_is_said_why(
    metric: str, answered: float, maker: BundleMaker
) -> None:
    positive = np.full(COUNT, 0.2)
    positive[:3] = answered
    found = result(
        verdict_of(maker, faults(0.0), two_classes(positive), metric=metric), "threshold"
    )
    assert found.outcome is Outcome.INCONCLUSIVE
    assert metric not in found.numbers
    assert found.reason == (
        f"{metric} is not defined: none of the 400 examples is of the positive class, 'fault'."
    )


@pytest.mark.parametrize("metric", ["MAE", "R2"])
def test_e10_a_regression_has_to_beat_the_mean(metric: str, maker: BundleMaker) -> None:
    random = np.random.default_rng(0)
    truth = random.normal(50, 10, COUNT)
    for good, outcome in ((True, Outcome.PASS), (False, Outcome.FAIL)):
        predicted = truth + random.normal(0, 5, COUNT) if good else random.normal(50, 10, COUNT)
        verdict = verdict_of(maker, truth, predicted[:, None], (), metric=metric)
        assert result(verdict, "constant").outcome is outcome


def test_one_class_in_evaluation_decides_nothing(maker: BundleMaker) -> None:
    verdict = verdict_of(maker, faults(0.0), two_classes(np.linspace(0.1, 0.9, COUNT)))
    assert result(verdict, "constant").outcome is Outcome.INCONCLUSIVE


def test_outputs_that_are_not_finite_are_not_better(maker: BundleMaker) -> None:
    outputs = two_classes(faults(0.5).astype(float))
    broken = replace(maker.evidence(), outputs=outputs).outputs.copy()
    broken[0, 0] = np.nan
    verdict = verdict_of(maker, faults(0.5), broken)
    assert result(verdict, "constant").outcome is Outcome.FAIL
