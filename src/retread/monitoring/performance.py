"""Performance on delayed labels: whether the model is still as good as its evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

import msgspec
import numpy as np
from msgspec.structs import replace

from retread.bundle import UNKNOWN, Evidence, Manifest, evidence_metrics, texts
from retread.core import digest_bytes, metric_named
from retread.core.label_check import can_be_true
from retread.monitoring.betting import BettingTest
from retread.monitoring.losses import loss, value_range
from retread.monitoring.streams import Streams
from retread.project.settings import MonitoringSection
from retread.registry.events import DegradationDetected
from retread.serving.traffic import PredictionRecord

NEWEST_WAITING = 5_000
OLDER_WAITING = 5_000
_RECENT = 200
_ERRORS = frozenset({"Loss", "MAE", "RMSE"})


class PendingPrediction(msgspec.Struct, frozen=True):
    """A prediction that waits for its label."""

    id: str
    outputs: tuple[float, ...]


class LabelledPrediction(msgspec.Struct, frozen=True):
    """A prediction with its true label."""

    id: str
    outputs: tuple[float, ...]
    label: str


class PerformanceBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """The performance that is expected of a version.

    Attributes:
        metric: The gate's metric, or Accuracy or MAE where the model does not have it.
        expected: Its value on the evaluation split.
        labels: The labels of a classification; empty for a regression.
        scale: The absolute error that counts as a total loss, for a regression.
        bound: The largest mean loss in 0..1 (share of wrong predictions, or absolute error over
            `scale`, at most 1) that is still as expected. It includes half the margin, which is
            left to the noise of the evaluation itself.
        margin: By how much the metric may fall.
    """

    metric: str
    expected: float
    labels: tuple[str, ...]
    scale: float
    bound: float
    margin: float


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """The performance that labels have shown so far.

    Attributes:
        test: The test of whether losses exceed the baseline.
        waiting: Predictions without a label: all of the newest, and a sample of older ones,
            however old.
        recent: The latest labelled predictions.
        labelled: The number of labels joined so far.
        missed: The number of labels for which no prediction was waiting.
    """

    test: BettingTest = msgspec.field(name="bets")
    waiting: tuple[PendingPrediction, ...] = ()
    recent: tuple[LabelledPrediction, ...] = ()
    labelled: int = 0
    missed: int = 0


def performance_baseline(
    manifest: Manifest, reference: Streams, metric: str, settings: MonitoringSection
) -> PerformanceBaseline | None:
    """Derive the baseline of a version from its own evaluation.

    Args:
        manifest: The manifest of its bundle.
        reference: Its reference streams.
        metric: The metric of the gate.
        settings: The margin by which the metric may fall.

    Returns:
        The baseline, or None if the bundle has no evaluation.
    """
    margin = settings.degradation_margin
    carrier = "Accuracy" if manifest.labels else "MAE"
    if carrier not in manifest.metrics:
        return None
    scale = 1.0 if manifest.labels else value_range(reference)
    carried = manifest.metrics[carrier]
    bound = 1.0 - carried + margin / 2 if manifest.labels else carried * (1 + margin / 2) / scale
    name = metric_named(metric).name
    name = name if name in manifest.metrics else carrier
    return PerformanceBaseline(
        metric=name,
        expected=manifest.metrics[name],
        labels=manifest.labels,
        scale=scale,
        # The mean loss of a precise regression may be far below 0.01, that of a classification
        # is taken as 0.01 at least.
        bound=float(np.clip(bound, 0.01 if manifest.labels else 1e-9, 0.99)),
        margin=margin,
    )


def fresh_performance(baseline: PerformanceBaseline) -> Performance:
    """Return the performance before the first label."""
    return Performance(test=BettingTest(lower_bound=baseline.bound, any_time=True))


def expect_labels(performance: Performance, records: Sequence[PredictionRecord]) -> Performance:
    """Let new predictions wait for their labels."""
    new = tuple(PendingPrediction(r.id, r.answer.outputs) for r in records if r.answer)
    return replace(performance, waiting=_sampled(performance.waiting + new))


def join_labels(
    performance: Performance, labels: Mapping[str, str], baseline: PerformanceBaseline
) -> Performance:
    """Join labels to the predictions that wait for them, and test their losses.

    Args:
        performance: The performance before.
        labels: The labels by request id. One that the model does not know counts as an error;
            one that is not a number, of a regression, is dropped.
        baseline: What the losses are compared with.
    """
    joined = tuple(
        LabelledPrediction(waiting.id, waiting.outputs, labels[waiting.id])
        for waiting in performance.waiting
        if waiting.id in labels and can_be_true(labels[waiting.id], baseline.labels)
    )
    excess = [
        loss(p.outputs, p.label, baseline.labels, baseline.scale) - baseline.bound for p in joined
    ]
    return replace(
        performance,
        test=performance.test.update(excess),
        waiting=tuple(p for p in performance.waiting if p.id not in labels),
        recent=(performance.recent + joined)[-_RECENT:],
        labelled=performance.labelled + len(joined),
    )


def observed_metric(performance: Performance, baseline: PerformanceBaseline) -> float | None:
    """Return the metric on the latest labelled predictions, None if there are none."""
    metrics = evidence_metrics(_evidence(performance.recent, baseline.labels))
    return metrics.get(baseline.metric)


def degradation(
    performance: Performance,
    baseline: PerformanceBaseline,
    version: int,
    settings: MonitoringSection,
) -> DegradationDetected | None:
    """Return an alarm if the version is degraded.

    It is degraded if there are enough labels, the metric on the latest of them fell by more than
    the margin, and losses this large would occur by chance with a probability below alpha.

    The probability is exact however often it is computed, provided that labels arrive regardless
    of whether the prediction was right. Losses are wrong predictions, or errors cut off at
    `scale`; other metrics (F1, AUC, RMSE, ...) only decide on the size of the fall.
    """
    certain = performance.test.evidence >= log(1 / settings.alpha)
    if not certain or performance.labelled < settings.min_labels:
        return None
    observed = observed_metric(performance, baseline)
    if observed is None:
        return None
    fall = -metric_named(baseline.metric).gain(observed, baseline.expected)
    if baseline.metric in _ERRORS:
        fall /= max(abs(baseline.expected), 1e-9)
    if fall <= baseline.margin:
        return None
    return DegradationDetected(
        version=version,
        metric=baseline.metric,
        expected=baseline.expected,
        observed=observed,
        labels=performance.labelled,
    )


def _sampled(waiting: tuple[PendingPrediction, ...]) -> tuple[PendingPrediction, ...]:
    """Keep all of the newest predictions, and at most OLDER_WAITING of the older ones.

    The sample is drawn by a hash of the id, which depends neither on whether a prediction was
    right nor on its age.
    """
    older, newest = waiting[:-NEWEST_WAITING], waiting[-NEWEST_WAITING:]
    if len(older) <= OLDER_WAITING:
        return waiting
    hashes = [digest_bytes(prediction.id.encode()) for prediction in older]
    last = sorted(hashes)[OLDER_WAITING - 1]
    return (*(p for p, value in zip(older, hashes, strict=True) if value <= last), *newest)


def _evidence(predictions: Sequence[LabelledPrediction], labels: Sequence[str]) -> Evidence:
    truth = (
        np.array([_index(labels, p.label) for p in predictions], dtype=np.int64)
        if labels
        else np.array([float(p.label) for p in predictions], dtype=np.float64)
    )
    return Evidence(
        evaluation_digest="",
        ids=texts([p.id for p in predictions]),
        truth=truth,
        outputs=np.array([p.outputs for p in predictions], dtype=np.float64),
    )


def _index(labels: Sequence[str], label: str) -> int:
    return labels.index(label) if label in labels else UNKNOWN
