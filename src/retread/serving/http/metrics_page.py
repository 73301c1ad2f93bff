"""What Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable

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
from retread.serving.measures import BUCKETS, Histogram
from retread.serving.recording.recorder import Recorder


class ServingCollector:
    """Turns the data plane's counters into metrics when they are asked for."""

    def __init__(self, front: Front, recorder: Recorder | None) -> None:
        self._front = front
        self._recorder = recorder

    def collect(self) -> Iterable[Metric]:
        measures = self._front.plane.measures
        answers = CounterMetricFamily(
            "retread_requests", "Requests answered.", labels=("slot", "version", "status")
        )
        for (slot, version, status), count in list(measures.answers.items()):
            answers.add_metric((slot, str(version), str(status)), count)
        yield answers
        seconds = HistogramMetricFamily(
            "retread_request_seconds", "From arrival to answer.", labels=("slot", "version")
        )
        for (slot, version), histogram in list(measures.seconds.items()):
            buckets = _cumulated(histogram)
            seconds.add_metric((slot, str(version)), buckets, sum_value=histogram.total)
        yield seconds
        errors = CounterMetricFamily(
            "retread_canary_errors", "Canary answers that production gave.", labels=("version",)
        )
        for version, count in list(measures.canary_errors.items()):
            errors.add_metric((str(version),), count)
        yield errors
        yield CounterMetricFamily("retread_batches", "Model runs.", value=measures.batches)
        yield from self._state()

    def _state(self) -> Iterable[Metric]:
        plane = self._front.plane
        yield GaugeMetricFamily("retread_pending", "Requests in flight.", value=plane.pending)
        yield GaugeMetricFamily(
            "retread_ready", "Whether requests are taken.", value=float(self._front.is_ready)
        )
        slots = GaugeMetricFamily("retread_slot_version", "Version by slot.", labels=("slot",))
        for entry in plane.slots.table.entries:
            slots.add_metric((entry.slot.value,), entry.version)
        yield slots
        if self._recorder is not None:
            recorder = self._recorder
            yield CounterMetricFamily(
                "retread_records_dropped", "Answers not recorded.", value=recorder.dropped
            )
            yield CounterMetricFamily(
                "retread_payloads_dropped", "Images not kept.", value=recorder.dropped_payloads
            )
            yield CounterMetricFamily(
                "retread_records_written", "Records written.", value=recorder.written
            )


def metrics_route(front: Front, recorder: Recorder | None) -> Route:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServingCollector(front, recorder))

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
