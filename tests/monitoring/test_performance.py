"""Performance on delayed labels."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest
from msgspec.structs import replace
from tests.monitoring.harness import MonitorHarness

from retread.bundle import PREDICTED_VALUE, Reference
from retread.monitoring import BettingTest, Streams, reference_streams
from retread.monitoring.losses import value_range
from retread.monitoring.performance import (
    NEWEST_WAITING,
    OLDER_WAITING,
    PendingPrediction,
    Performance,
    PerformanceBaseline,
    degradation,
    expect_labels,
    fresh_performance,
    join_labels,
    observed_metric,
    performance_baseline,
)
from retread.project.settings import MonitoringSection
from retread.serving import PredictionRecord

SETTINGS = MonitoringSection(min_labels=50, degradation_margin=0.1)
CLASSES = PerformanceBaseline(
    metric="Accuracy", expected=0.9, labels=("no", "yes"), scale=1.0, bound=0.15, margin=0.1
)
HOURS = PerformanceBaseline(
    metric="MAE", expected=30.0, labels=(), scale=300.0, bound=0.105, margin=0.1
)


def classified(rng: np.random.Generator, rows: int, accuracy: float, start: int) -> Performance:
    waiting = tuple(PendingPrediction(f"{start + i}", (0.2, 0.8)) for i in range(rows))
    labels = {a.id: "yes" if rng.random() < accuracy else "no" for a in waiting}
    fresh = fresh_performance(CLASSES)
    before = Performance(test=fresh.test, waiting=waiting)
    return join_labels(before, labels, CLASSES)


@pytest.mark.slow
def test_a_model_as_good_as_its_baseline_hardly_ever_raises_an_alarm() -> None:
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        performance = fresh_performance(CLASSES)
        for batch in range(30):
            waiting = tuple(PendingPrediction(f"{batch}-{i}", (0.2, 0.8)) for i in range(20))
            labels = {a.id: "yes" if rng.random() < 0.9 else "no" for a in waiting}
            performance = Performance(
                test=performance.test,
                waiting=waiting,
                recent=performance.recent,
                labelled=performance.labelled,
            )
            performance = join_labels(performance, labels, CLASSES)
            if degradation(performance, CLASSES, 1, SETTINGS):
                alarms += 1
                break
    assert alarms <= 200 * SETTINGS.alpha


@pytest.mark.slow
@pytest.mark.parametrize("bound", [0.15, 0.00105])
def test_losses_at_the_bound_are_hardly_ever_evidence(bound: float) -> None:
    """Rare large losses with a mean at the bound are the hardest case."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        bets = BettingTest(lower_bound=bound, any_time=True)
        for _ in range(40):
            losses = (rng.random(25) < 4 * bound) / 4
            bets = bets.update((losses - bound).tolist())
            if bets.evidence >= log(1 / SETTINGS.alpha):
                alarms += 1
                break
    assert alarms <= 400 * SETTINGS.alpha


def precise(harness: MonitorHarness, rng: np.random.Generator) -> PerformanceBaseline:
    """Return the baseline of a regression over a range of 1,000 with a mean error of 1."""
    values = Reference(
        numeric={PREDICTED_VALUE: np.linspace(0.0, 1_111.0, 500)},
        categorical={},
        embedding=np.zeros((500, 0), np.float32),
    )
    bundle = harness.promote(1, values, {"MAE": 1.0}, labels=())
    found = performance_baseline(
        harness.bundles.manifest(bundle), reference_streams(values), "MAE", SETTINGS
    )
    assert found is not None
    return found


def test_a_precise_regression_whose_error_doubles_is_detected(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    baseline = precise(harness, rng)
    assert baseline.bound == pytest.approx(0.00105, rel=0.01)
    for worse, expected in ((1.0, False), (2.0, True)):
        waiting = tuple(PendingPrediction(f"{i}", (100.0,)) for i in range(400))
        labels = {a.id: str(100.0 + rng.laplace(scale=worse)) for a in waiting}
        fresh = replace(fresh_performance(baseline), waiting=waiting)
        performance = join_labels(fresh, labels, baseline)
        assert (degradation(performance, baseline, 1, SETTINGS) is not None) is expected


def test_labels_join_however_late_they_come(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    performance = fresh_performance(CLASSES)
    records = harness.records(rng, 1_000, prefix="")
    for batch in range(60):
        named = [record_named(record, f"{batch}-{record.id}") for record in records]
        performance = expect_labels(performance, named)
    assert len(performance.waiting) == NEWEST_WAITING + OLDER_WAITING
    batches = Counter(int(prediction.id.split("-")[0]) for prediction in performance.waiting)
    assert all(batches[batch] == 1_000 for batch in range(55, 60))
    # An older prediction is kept with a chance of 1 in 11, whatever its age.
    assert min(batches[batch] for batch in range(55)) > 50
    assert max(batches[batch] for batch in range(55)) < 140


def record_named(record: PredictionRecord, name: str) -> PredictionRecord:
    return replace(record, id=name)


def test_a_collapse_is_detected_with_enough_labels() -> None:
    rng = np.random.default_rng(0)
    assert degradation(classified(rng, 40, 0.5, 0), CLASSES, 1, SETTINGS) is None
    found = degradation(classified(rng, 60, 0.5, 0), CLASSES, 1, SETTINGS)
    assert found is not None
    assert (found.metric, found.expected, found.labels) == ("Accuracy", 0.9, 60)
    assert found.observed == pytest.approx(0.5, abs=0.15)


def test_errors_of_a_regression_are_compared_relatively() -> None:
    rng = np.random.default_rng(0)
    for worse, expected in ((1.0, False), (3.0, True)):
        waiting = tuple(PendingPrediction(f"{i}", (100.0,)) for i in range(80))
        labels = {a.id: str(100.0 + rng.laplace(scale=30.0 * worse)) for a in waiting}
        performance = join_labels(
            Performance(test=fresh_performance(HOURS).test, waiting=waiting), labels, HOURS
        )
        assert (degradation(performance, HOURS, 1, SETTINGS) is not None) is expected


def test_labels_that_do_not_fit_are_dropped() -> None:
    waiting = tuple(PendingPrediction(f"{i}", (100.0,)) for i in range(3))
    labels = {"0": "120", "1": "many", "2": "inf"}
    joined = join_labels(
        Performance(test=fresh_performance(HOURS).test, waiting=waiting), labels, HOURS
    )
    assert joined.labelled == 1
    assert observed_metric(joined, HOURS) == pytest.approx(20.0)


def test_without_labels_nothing_is_observed() -> None:
    assert observed_metric(fresh_performance(CLASSES), CLASSES) is None


def test_the_range_of_values_ignores_outliers() -> None:
    values = np.append(np.linspace(0, 100, 99), 1e9)
    streams = Streams(100, {PREDICTED_VALUE: values}, {}, np.zeros((100, 0), np.float32))
    assert 80 < value_range(streams) < 120


@pytest.mark.parametrize("unknown", ["bulge", "No", "3"])
def test_e19_labels_that_the_model_does_not_know_are_its_errors(unknown: str) -> None:
    waiting = tuple(PendingPrediction(str(i), (0.2, 0.8)) for i in range(100))
    before = Performance(test=fresh_performance(CLASSES).test, waiting=waiting)
    labels = {str(i): unknown if i < 40 else "yes" for i in range(100)}
    performance = join_labels(before, labels, CLASSES)
    assert (performance.labelled, performance.waiting) == (100, ())
    assert observed_metric(performance, CLASSES) == pytest.approx(0.6)
    assert degradation(performance, CLASSES, 1, SETTINGS)


def test_what_is_no_number_cannot_be_the_truth_of_a_regression() -> None:
    waiting = (PendingPrediction("1", (1.0,)), PendingPrediction("2", (2.0,)))
    before = Performance(test=fresh_performance(HOURS).test, waiting=waiting)
    performance = join_labels(before, {"1": "many", "2": "2.0"}, HOURS)
    assert performance.labelled == 1
