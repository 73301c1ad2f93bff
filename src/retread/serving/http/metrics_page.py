"""What Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retread.serving.http.front import Front
from retread.serving.measures import BUCKETS, Histogram, Measures
from retread.serving.recording.recorder import Recorder

Names = Sequence[str]
Values = Mapping[tuple[str, ...], float]

_WORKER = "worker"
_SCOPE = " Of this worker; each scrape reaches one, so sum over the label."


class ServingCollector:
    """Turns the data plane's counters into metrics when they are asked for.

    Workers share a port and count for themselves: the label `worker` keeps their series apart.
    """

    def __init__(self, front: Front, recorder: Recorder | None, worker: int) -> None:
        self._front = front
        self._recorder = recorder
        self._worker = str(worker)

    def collect(self) -> Iterable[Metric]:
        plane = self._front.plane
        measures = plane.measures
        yield self._counter(
            "retread_requests",
            "Requests answered.",
            ("slot", "version", "status"),
            {
                (slot, str(version), str(status)): count
                for (slot, version, status), count in measures.answers.items()
            },
        )
        yield self._seconds(measures)
        yield self._counter(
            "retread_canary_errors",
            "Canary answers that production gave.",
            ("version",),
            {(str(version),): count for version, count in measures.canary_errors.items()},
        )
        yield self._count(
            "retread_unpaired", "Calls that a second model was too busy for.", measures.unpaired
        )
        yield self._count(
            "retread_batches", "Batches answered in one run of a model.", measures.batches
        )
        yield self._gauge("retread_pending", "Requests in flight.", (), {(): plane.pending})
        yield self._gauge(
            "retread_ready", "Whether requests are taken.", (), {(): self._front.is_ready}
        )
        yield self._gauge(
            "retread_slot_version",
            "Version by slot.",
            ("slot",),
            {(entry.slot.value,): entry.version for entry in plane.slots.table.entries},
        )
        if self._recorder is not None:
            yield from self._records(self._recorder)

    def _records(self, recorder: Recorder) -> Iterable[Metric]:
        yield self._count("retread_records_dropped", "Answers not recorded.", recorder.dropped)
        yield self._count("retread_payloads_dropped", "Images not kept.", recorder.dropped_payloads)
        yield self._count("retread_records_written", "Records written.", recorder.written)

    def _seconds(self, measures: Measures) -> Metric:
        family = HistogramMetricFamily(
            "retread_request_seconds",
            "From arrival to answer." + _SCOPE,
            labels=("slot", "version", _WORKER),
        )
        for (slot, version), histogram in measures.seconds.items():
            buckets = _cumulated(histogram)
            labels = (slot, str(version), self._worker)
            family.add_metric(labels, buckets, sum_value=histogram.total)
        return family

    def _count(self, name: str, text: str, value: float) -> Metric:
        return self._counter(name, text, (), {(): value})

    def _counter(self, name: str, text: str, labels: Names, values: Values) -> Metric:
        family = CounterMetricFamily(name, text + _SCOPE, labels=(*labels, _WORKER))
        for of, value in values.items():
            family.add_metric((*of, self._worker), value)
        return family

    def _gauge(self, name: str, text: str, labels: Names, values: Values) -> Metric:
        family = GaugeMetricFamily(name, text + _SCOPE, labels=(*labels, _WORKER))
        for of, value in values.items():
            family.add_metric((*of, self._worker), value)
        return family


def metrics_route(front: Front, recorder: Recorder | None, worker: int) -> Route:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServingCollector(front, recorder, worker))

    async def metrics(_: Request) -> Response:
        return Response(
            generate_latest(registry), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4}
        )

    return Route("/metrics", metrics, methods=["GET"])


def _cumulated(histogram: Histogram) -> list[tuple[str, float]]:
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), histogram.counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
