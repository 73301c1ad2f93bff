from __future__ import annotations

import numpy as np
import pytest

from retread.monitoring import Streams
from retread.monitoring.performance import (
    Answered,
    Performance,
    Yardstick,
    degradation,
    fresh_performance,
    join_labels,
    observed_metric,
    value_range,
)
from retread.project.sections import MonitoringSection

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
    streams = Streams(100, {"value": values}, {}, np.zeros((100, 0), np.float32))
    assert 80 < value_range(streams) < 120
