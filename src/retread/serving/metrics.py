"""Metrics of the server: counters cheap enough for the hot path, and their Prometheus form.

Workers share a port and each counts for itself: the label `worker` keeps their series apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds; one more bucket holds what is slower."""

Names = Sequence[str]
Values = Mapping[tuple[str, ...], float]

_WORKER = "worker"
_MAX_COLUMNS = 200
_OTHER_COLUMNS = "other columns"
_SCOPE = " Of this worker; a scrape reaches one worker, so sum over the label."


class LatencyHistogram:
    """Numbers of requests by bucket of their duration, and the sum of the durations in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float, times: int) -> None:
        """Count `times` requests that took `seconds` each."""
        self.counts[bisect_left(BUCKETS, seconds)] += times
        self.total += seconds * times


class ServingMetrics:
    """What the data plane has done since the start of this worker.

    Attributes:
        responses: Numbers of responses by slot, version and status; slot "" and version 0 count
            requests that no model scored.
        seconds: Durations by slot and version.
        canary_errors: Failures of a canary for which production answered, by version.
        unpaired: Calls that a second model was too busy to score.
        batches: Batches that were scored in one run of a model.
        unknown_categories: Rows with a category that the model does not know, by column.
        labels: True labels that were recorded.
        labels_waiting: Those of them for which no answer was seen.
        labels_unknown: Those of them that the model cannot predict.
    """

    def __init__(self) -> None:
        self.responses: Counter[tuple[str, int, int]] = Counter()
        self.seconds: dict[tuple[str, int], LatencyHistogram] = {}
        self.canary_errors: Counter[int] = Counter()
        self.unpaired = 0
        self.batches = 0
        self.unknown_categories: Counter[str] = Counter()
        self.labels = 0
        self.labels_waiting = 0
        self.labels_unknown = 0

    def count_responses(
        self, slot: str, version: int, status: int, times: int, seconds: float
    ) -> None:
        """Count `times` responses of one status that took `seconds` each."""
        self.responses[slot, version, status] += times
        histogram = self.seconds.get((slot, version))
        if histogram is None:
            histogram = self.seconds[slot, version] = LatencyHistogram()
        histogram.add(seconds, times)

    def count_unknown(self, rows: Iterable[Iterable[str]]) -> None:
        """Count the unknown categories of rows, given by the names of their columns."""
        for column in chain.from_iterable(rows):
            is_kept = column in self.unknown_categories
            has_room = len(self.unknown_categories) < _MAX_COLUMNS
            self.unknown_categories[column if is_kept or has_room else _OTHER_COLUMNS] += 1

    def count_refusal(self, status: int) -> None:
        """Count a request that no model scored."""
        self.responses["", 0, status] += 1


@dataclass(frozen=True, slots=True)
class RecorderCounts:
    """What the recorder has written, dropped, and left out of large requests."""

    written: int
    dropped: int
    dropped_payloads: int
    rows_left_out: int = 0


@dataclass(frozen=True, slots=True)
class ServingSnapshot:
    """The state of the server when it is scraped; `versions` by slot, `records` if it records."""

    pending: int
    held_rows: int
    held_bytes: int
    connections: int
    is_ready: bool
    versions: Mapping[str, int]
    records: RecorderCounts | None


class ServingCollector:
    """Makes Prometheus metrics of the counters when they are scraped."""

    def __init__(
        self, metrics: ServingMetrics, snapshot: Callable[[], ServingSnapshot], worker: int
    ) -> None:
        self._metrics = metrics
        self._snapshot = snapshot
        self._worker = str(worker)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics, as `prometheus_client` asks for."""
        metrics, now = self._metrics, self._snapshot()
        yield self._counter(
            "retread_requests",
            "Requests answered.",
            ("slot", "version", "status"),
            {
                (slot, str(version), str(status)): count
                for (slot, version, status), count in metrics.responses.items()
            },
        )
        yield self._seconds()
        yield self._counter(
            "retread_canary_errors",
            "Canary failures for which production answered.",
            ("version",),
            {(str(version),): count for version, count in metrics.canary_errors.items()},
        )
        yield self._count(
            "retread_unpaired", "Calls that a second model was too busy to score.", metrics.unpaired
        )
        yield self._count(
            "retread_batches", "Batches scored in one run of a model.", metrics.batches
        )
        yield self._counter(
            "retread_unknown_categories",
            "Values of a category that the model did not see in training.",
            ("column",),
            {(column,): count for column, count in metrics.unknown_categories.items()},
        )
        yield self._count("retread_labels", "True labels recorded.", metrics.labels)
        yield self._count(
            "retread_labels_waiting",
            "True labels for which no answer was seen when they came.",
            metrics.labels_waiting,
        )
        yield self._count(
            "retread_labels_unknown",
            "True labels that the model cannot predict.",
            metrics.labels_unknown,
        )
        yield from self._state(now)
        if now.records is not None:
            yield from self._records(now.records)

    def _state(self, now: ServingSnapshot) -> Iterable[Metric]:
        yield self._gauge("retread_pending", "Requests in flight.", (), {(): now.pending})
        yield self._gauge(
            "retread_held_rows", "Rows of large requests in flight.", (), {(): now.held_rows}
        )
        yield self._gauge(
            "retread_held_bytes", "Bytes of bodies in flight.", (), {(): now.held_bytes}
        )
        yield self._gauge("retread_connections", "Open connections.", (), {(): now.connections})
        yield self._gauge(
            "retread_ready", "Whether the server is ready for requests.", (), {(): now.is_ready}
        )
        yield self._gauge(
            "retread_slot_version",
            "Model version by slot.",
            ("slot",),
            {(slot,): version for slot, version in now.versions.items()},
        )

    def _records(self, records: RecorderCounts) -> Iterable[Metric]:
        yield self._count("retread_records_dropped", "Records dropped.", records.dropped)
        yield self._count("retread_payloads_dropped", "Images dropped.", records.dropped_payloads)
        yield self._count("retread_records_written", "Records written.", records.written)
        yield self._count(
            "retread_rows_left_out",
            "Rows of large requests of which a sample was recorded.",
            records.rows_left_out,
        )

    def _seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "retread_request_seconds",
            "Time from the arrival of a request to its response." + _SCOPE,
            labels=("slot", "version", _WORKER),
        )
        for (slot, version), histogram in self._metrics.seconds.items():
            labels = (slot, str(version), self._worker)
            family.add_metric(labels, _cumulated(histogram), sum_value=histogram.total)
        return family

    def _count(self, name: str, text: str, value: float) -> Metric:
        return self._counter(name, text, (), {(): value})

    def _counter(self, name: str, text: str, labels: Names, values: Values) -> Metric:
        family = CounterMetricFamily(name, text + _SCOPE, labels=(*labels, _WORKER))
        for label_values, value in values.items():
            family.add_metric((*label_values, self._worker), value)
        return family

    def _gauge(self, name: str, text: str, labels: Names, values: Values) -> Metric:
        family = GaugeMetricFamily(name, text + _SCOPE, labels=(*labels, _WORKER))
        for label_values, value in values.items():
            family.add_metric((*label_values, self._worker), value)
        return family


def _cumulated(histogram: LatencyHistogram) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
