from __future__ import annotations

from collections import Counter
from math import log
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from retread.bundle import PREDICTED_VALUE, Reference
from retread.monitoring import BettingTest, Streams, place, reference_streams
from retread.monitoring.performance import (
    NEWEST_WAITING,
    OLDER_WAITING,
    Answered,
    Performance,
    Yardstick,
    degradation,
    expect_labels,
    fresh_performance,
    join_labels,
    observed_metric,
    value_range,
    yardstick,
)
from retread.project.settings import MonitoringSection
from retread.serving import PredictionRecord

SETTINGS = MonitoringSection(min_labels=50, degradation_margin=0.1)
CLASSES = Yardstick(
    metric="Accuracy", expected=0.9, labels=("no", "yes"), scale=1.0, bound=0.15, margin=0.1
)
HOURS = Yardstick(metric="MAE", expected=30.0, labels=(), scale=300.0, bound=0.105, margin=0.1)


def classified(rng: np.random.Generator, rows: int, accuracy: float, start: int) -> Performance:
    waiting = tuple(Answered(f"{start + i}", (0.2, 0.8)) for i in range(rows))
    labels = {a.id: "yes" if rng.random() < accuracy else "no" for a in waiting}
    fresh = fresh_performance(CLASSES)
    before = Performance(bets=fresh.bets, waiting=waiting)
    return join_labels(before, labels, CLASSES)


def test_a_model_that_keeps_its_promise_is_hardly_ever_accused() -> None:
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(200):
        performance = fresh_performance(CLASSES)
        for batch in range(30):
            waiting = tuple(Answered(f"{batch}-{i}", (0.2, 0.8)) for i in range(20))
            labels = {a.id: "yes" if rng.random() < 0.9 else "no" for a in waiting}
            performance = Performance(
                bets=performance.bets,
                waiting=waiting,
                recent=performance.recent,
                labelled=performance.labelled,
            )
            performance = join_labels(performance, labels, CLASSES)
            if degradation(performance, CLASSES, 1, SETTINGS):
                accused += 1
                break
    assert accused <= 200 * SETTINGS.alpha


@pytest.mark.parametrize("bound", [0.15, 0.00105])
def test_losses_just_at_the_bound_are_hardly_ever_evidence(bound: float) -> None:
    """The bound is where the promise ends: seldom large losses are the hardest case."""
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(400):
        bets = BettingTest(worst=bound, any_time=True)
        for _ in range(40):
            losses = (rng.random(25) < 4 * bound) / 4
            bets = place(bets, (losses - bound).tolist())
            if bets.evidence >= log(1 / SETTINGS.alpha):
                accused += 1
                break
    assert accused <= 400 * SETTINGS.alpha


def precise(house: Any, rng: np.random.Generator) -> Yardstick:
    """What is expected of a regression over a range of 1,000 that is wrong by 1."""
    values = Reference(
        numeric={PREDICTED_VALUE: np.linspace(0.0, 1_111.0, 500)},
        categorical={},
        embedding=np.zeros((500, 0), np.float32),
    )
    bundle = house.promote(1, values, {"MAE": 1.0}, labels=())
    found = yardstick(house.bundles.manifest(bundle), reference_streams(values), "MAE", SETTINGS)
    assert found is not None
    return found


def test_a_precise_regression_that_becomes_twice_as_wrong_is_found(
    house: Any, rng: np.random.Generator
) -> None:
    expectation = precise(house, rng)
    assert expectation.bound == pytest.approx(0.00105, rel=0.01)
    for worse, expected in ((1.0, False), (2.0, True)):
        waiting = tuple(Answered(f"{i}", (100.0,)) for i in range(400))
        labels = {a.id: str(100.0 + rng.laplace(scale=worse)) for a in waiting}
        fresh = replace(fresh_performance(expectation), waiting=waiting)
        performance = join_labels(fresh, labels, expectation)
        assert (degradation(performance, expectation, 1, SETTINGS) is not None) is expected


def test_labels_join_however_late_they_come(house: Any, rng: np.random.Generator) -> None:
    performance = fresh_performance(CLASSES)
    records = house.records(rng, 1_000, prefix="")
    for batch in range(60):
        named = [record_named(record, f"{batch}-{record.id}") for record in records]
        performance = expect_labels(performance, named)
    assert len(performance.waiting) == NEWEST_WAITING + OLDER_WAITING
    batches = Counter(int(answered.id.split("-")[0]) for answered in performance.waiting)
    assert all(batches[batch] == 1_000 for batch in range(55, 60))
    # Whatever its age, an older answer has the same chance, 1 in 11.
    assert min(batches[batch] for batch in range(55)) > 50
    assert max(batches[batch] for batch in range(55)) < 140


def record_named(record: PredictionRecord, name: str) -> PredictionRecord:
    return replace(record, id=name)


def test_a_collapse_is_found_with_enough_labels() -> None:
    rng = np.random.default_rng(0)
    assert degradation(classified(rng, 40, 0.5, 0), CLASSES, 1, SETTINGS) is None
    found = degradation(classified(rng, 60, 0.5, 0), CLASSES, 1, SETTINGS)
    assert found is not None
    assert (found.metric, found.expected, found.labels) == ("Accuracy", 0.9, 60)
    assert found.observed == pytest.approx(0.5, abs=0.15)


def test_errors_of_a_regression_are_judged_as_a_share() -> None:
    rng = np.random.default_rng(0)
    for worse, expected in ((1.0, False), (3.0, True)):
        waiting = tuple(Answered(f"{i}", (100.0,)) for i in range(80))
        labels = {a.id: str(100.0 + rng.laplace(scale=30.0 * worse)) for a in waiting}
        performance = join_labels(
            Performance(bets=fresh_performance(HOURS).bets, waiting=waiting), labels, HOURS
        )
        assert (degradation(performance, HOURS, 1, SETTINGS) is not None) is expected


def test_labels_that_do_not_fit_are_left_out() -> None:
    waiting = tuple(Answered(f"{i}", (100.0,)) for i in range(3))
    labels = {"0": "120", "1": "many", "2": "inf"}
    joined = join_labels(
        Performance(bets=fresh_performance(HOURS).bets, waiting=waiting), labels, HOURS
    )
    assert joined.labelled == 1
    assert observed_metric(joined, HOURS) == pytest.approx(20.0)


def test_without_labels_nothing_is_observed() -> None:
    assert observed_metric(fresh_performance(CLASSES), CLASSES) is None


def test_the_range_of_values_leaves_out_the_extremes() -> None:
    values = np.append(np.linspace(0, 100, 99), 1e9)
    streams = Streams(100, {PREDICTED_VALUE: values}, {}, np.zeros((100, 0), np.float32))
    assert 80 < value_range(streams) < 120
