"""Which run of a scenario goes on to the gate."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from retread.core import Metric
from retread.training.request import TrainingOutcome


def best_run(outcomes: Iterable[TrainingOutcome], metric: Metric) -> TrainingOutcome | None:
    """The best by validation of those that left a bundle; the earlier of equals, None of none.

    A run that has no number for `metric` is behind every run that has one.
    """
    best: TrainingOutcome | None = None
    for outcome in outcomes:
        if outcome.bundle and (best is None or _beats(outcome, best, metric)):
            best = outcome
    return best


def _beats(outcome: TrainingOutcome, best: TrainingOutcome, metric: Metric) -> bool:
    new = outcome.metrics.get(metric.name, float("nan"))
    old = best.metrics.get(metric.name, float("nan"))
    if isnan(new) or isnan(old):
        return isnan(old) and not isnan(new)
    return metric.better(new, old)
