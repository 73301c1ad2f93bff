"""Labels joined to answers, and whether the model still does what it did when it was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log

import msgspec
import numpy as np
from msgspec.structs import replace

from retread.bundle import PREDICTED_VALUE, Evidence, Manifest, evidence_metrics
from retread.core import digest_bytes, metric_named
from retread.monitoring.betting import BettingTest, place
from retread.monitoring.streams import Streams, predicted_label
from retread.project.settings import MonitoringSection
from retread.registry.events import DegradationDetected
from retread.serving.record import PredictionRecord

NEWEST_WAITING = 5_000
OLDER_WAITING = 5_000
_RECENT = 200
_ERRORS = frozenset({"Loss", "MAE", "RMSE"})


class Answered(msgspec.Struct, frozen=True):
    """An answer that waits for its label, or has it."""

    id: str
    outputs: tuple[float, ...]
    label: str = ""


class Yardstick(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of a version.

    `metric` is the gate's, or Accuracy or MAE where the model has no such metric. `bound` is
    the mean loss in 0..1 (wrong answers; absolute error over `scale`, at most 1) that is still
    taken for `expected`: half the margin is left to the noise of the evaluation itself.
    """

    metric: str
    expected: float
    labels: tuple[str, ...]
    scale: float
    bound: float
    margin: float


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """What labels have shown.

    The newest answers all wait for their labels, and a sample of those before them however long
    ago they were given. `missed` counts labels that found no answer waiting.
    """

    bets: BettingTest
    waiting: tuple[Answered, ...] = ()
    recent: tuple[Answered, ...] = ()
    labelled: int = 0
    missed: int = 0


def yardstick(
    manifest: Manifest, reference: Streams, metric: str, settings: MonitoringSection
) -> Yardstick | None:
    """The expectation of a bundle's own evaluation; None if it has none."""
    margin = settings.degradation_margin
    carrier = "Accuracy" if manifest.labels else "MAE"
    if carrier not in manifest.metrics:
        return None
    scale = 1.0 if manifest.labels else value_range(reference)
    carried = manifest.metrics[carrier]
    bound = 1.0 - carried + margin / 2 if manifest.labels else carried * (1 + margin / 2) / scale
    name = metric_named(metric).name
    name = name if name in manifest.metrics else carrier
    return Yardstick(
        metric=name,
        expected=manifest.metrics[name],
        labels=manifest.labels,
        scale=scale,
        # A precise regression is far below 0.01 of its range; what is wrong or right is not.
        bound=float(np.clip(bound, 0.01 if manifest.labels else 1e-9, 0.99)),
        margin=margin,
    )


def value_range(reference: Streams) -> float:
    """How far predictions reach, 5th to 95th percentile: the size of a very wrong answer."""
    values = reference.numeric.get(PREDICTED_VALUE, np.zeros(0))
    known = values[np.isfinite(values)]
    low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 1.0)
    return float(high - low) or 1.0


def fresh_performance(expectation: Yardstick) -> Performance:
    return Performance(bets=BettingTest(worst=expectation.bound, any_time=True))


def expect_labels(performance: Performance, records: Sequence[PredictionRecord]) -> Performance:
    new = tuple(Answered(r.id, r.answer.outputs) for r in records if r.answer)
    return replace(performance, waiting=_sampled(performance.waiting + new))


def join_labels(
    performance: Performance, labels: Mapping[str, str], expectation: Yardstick
) -> Performance:
    """Bet on the losses of answers whose labels have come; a label that does not fit is left."""
    joined = [
        replace(answered, label=labels[answered.id])
        for answered in performance.waiting
        if answered.id in labels and _fits(labels[answered.id], expectation)
    ]
    losses = [
        loss(a.outputs, a.label, expectation.labels, expectation.scale) - expectation.bound
        for a in joined
    ]
    return replace(
        performance,
        bets=place(performance.bets, losses),
        waiting=tuple(a for a in performance.waiting if a.id not in labels),
        recent=(performance.recent + tuple(joined))[-_RECENT:],
        labelled=performance.labelled + len(joined),
    )


def loss(outputs: Sequence[float], label: str, labels: Sequence[str], scale: float) -> float:
    """How wrong an answer is, in 0..1."""
    if labels:
        return float(predicted_label(outputs, labels) != label)
    return min(1.0, abs(outputs[0] - float(label)) / scale)


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def observed_metric(performance: Performance, expectation: Yardstick) -> float | None:
    """The metric on the latest labelled answers; None where there are none."""
    metrics = evidence_metrics(_evidence(performance.recent, expectation.labels))
    return metrics.get(expectation.metric)


def degradation(
    performance: Performance, expectation: Yardstick, version: int, settings: MonitoringSection
) -> DegradationDetected | None:
    """An alarm if there are enough labels, the metric on the latest of them fell by more than
    the margin, and losses as large as these would have been chance in less than alpha.

    The chance is exact at any number of looks, given that labels come regardless of whether the
    answer was right. Losses are wrong answers, or errors cut off at `scale`; other metrics (F1,
    AUC, RMSE, ...) decide on the size of the fall only.
    """
    certain = performance.bets.evidence >= log(1 / settings.alpha)
    if not certain or performance.labelled < settings.min_labels:
        return None
    observed = observed_metric(performance, expectation)
    if observed is None:
        return None
    fall = -metric_named(expectation.metric).gain(observed, expectation.expected)
    if expectation.metric in _ERRORS:
        fall /= max(abs(expectation.expected), 1e-9)
    if fall <= expectation.margin:
        return None
    return DegradationDetected(
        version=version,
        metric=expectation.metric,
        expected=expectation.expected,
        observed=observed,
        labels=performance.labelled,
    )


def _sampled(waiting: tuple[Answered, ...]) -> tuple[Answered, ...]:
    """All of the newest, and at most OLDER_WAITING before them: lots drawn by id, which have
    nothing to do with whether an answer was right, nor with how long ago it was given."""
    older, newest = waiting[:-NEWEST_WAITING], waiting[-NEWEST_WAITING:]
    if len(older) <= OLDER_WAITING:
        return waiting
    lots = [digest_bytes(answered.id.encode()) for answered in older]
    last = sorted(lots)[OLDER_WAITING - 1]
    return (*(a for a, lot in zip(older, lots, strict=True) if lot <= last), *newest)


def _fits(label: str, expectation: Yardstick) -> bool:
    return label in expectation.labels if expectation.labels else number(label) is not None


def _evidence(answered: Sequence[Answered], labels: Sequence[str]) -> Evidence:
    truth = (
        np.array([labels.index(a.label) for a in answered], dtype=np.int64)
        if labels
        else np.array([float(a.label) for a in answered], dtype=np.float64)
    )
    return Evidence(
        evaluation_digest="",
        ids=np.array([a.id for a in answered], dtype=np.str_),
        truth=truth,
        outputs=np.array([a.outputs for a in answered], dtype=np.float32),
    )
