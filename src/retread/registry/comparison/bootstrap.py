"""Paired bootstrap of a metric's gain.

B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), the percentile interval: the
same examples are drawn for both models, with replacement, so that hard examples cancel out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from retread.bundle import Evidence, evidence_metrics
from retread.core import Metric

RESAMPLES = 500

Indices = npt.NDArray[np.int64]


def bootstrap_interval(
    candidate: Evidence, production: Evidence, metric: Metric, confidence: float
) -> tuple[float, float]:
    """Estimate confidence bounds of `gain`.

    The resamples are seeded by the evaluation digest: the same evidence gives the same bounds.

    Args:
        candidate: Predictions of the candidate.
        production: Predictions of the version in production, aligned row by row.
        metric: The metric to compare.
        confidence: The confidence of each bound, one-sided.

    Returns:
        The lower and the upper bound; NaN if the metric is undefined on all resamples.
    """
    random = np.random.default_rng(list(candidate.evaluation_digest.encode()))
    count = len(candidate.ids)
    gains = np.array(
        [
            gain(_drawn(candidate, rows), _drawn(production, rows), metric)
            for rows in (random.integers(count, size=count) for _ in range(RESAMPLES))
        ]
    )
    gains = gains[np.isfinite(gains)]
    if len(gains) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(gains, [1.0 - confidence, confidence])
    return float(low), float(high)


def gain(candidate: Evidence, production: Evidence, metric: Metric) -> float:
    """Return how much better the candidate is, as a share of production's value for errors."""
    ours = _value(candidate, metric)
    theirs = _value(production, metric)
    if metric.higher_is_better:
        return metric.gain(ours, theirs)
    if theirs == 0.0:
        return 0.0 if ours == 0.0 else float("-inf")
    return metric.gain(ours, theirs) / theirs


def _value(evidence: Evidence, metric: Metric) -> float:
    return evidence_metrics(evidence).get(metric.name, float("nan"))


def _drawn(evidence: Evidence, rows: Indices) -> Evidence:
    return replace(
        evidence,
        ids=evidence.ids[rows],
        truth=evidence.truth[rows],
        outputs=evidence.outputs[rows],
    )
