"""Select the run of a scenario that becomes the candidate."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from retread.core import Metric
from retread.training.request import TrainingOutcome


def best_run(outcomes: Iterable[TrainingOutcome], metric: Metric) -> TrainingOutcome | None:
    """Select the best run by its metric on the validation split.

    Args:
        outcomes: The outcomes of the runs; those without a bundle do not count.
        metric: What decides. A run without a value for it ranks below every run with one.

    Returns:
        The best run, the earlier one of equals; None if no run left a bundle.
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
