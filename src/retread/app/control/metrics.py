"""The overview in Prometheus's text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from retread.app.overview import Overview


def exposition(overview: Overview) -> bytes:
    """Return the metrics of one project."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(overview))
    return generate_latest(registry)


class _Collector:
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterable[Metric]:
        shown, live = self._overview, self._overview.live
        yield self._gauge(
            "retread_part_failed",
            "1 for each part of the system that has failed; absent while it works.",
            ("part",),
            {(one.part,): 1.0 for one in live.failed},
        )
        yield self._gauge(
            "retread_parts_failed",
            "Number of parts of the system that have failed.",
            (),
            {(): float(len(live.failed))},
        )
        yield self._gauge(
            "retread_service_ready",
            "Whether a service is ready and responds.",
            ("service",),
            {(s.name,): float(s.state == "ready" and not s.problem) for s in live.services},
        )
        standing = Counter(alarm.kind for alarm in live.standing)
        yield self._gauge(
            "retread_alarm_stands",
            "Whether an alarm stands now.",
            ("kind",),
            {(kind,): float(standing[kind] > 0) for kind in ("drift", "degradation")},
        )
        yield from self._quality()
        canary = live.canary
        yield self._gauge(
            "retread_canary_share",
            "Share of the traffic that the canary answers; 0 without a canary.",
            (),
            {(): canary.share if canary else 0.0},
        )
        yield self._gauge(
            "retread_slot_version",
            "Model version by slot, according to the ledger.",
            ("slot",),
            {(slot.slot,): float(slot.version) for slot in shown.slots},
        )
        yield self._gauge(
            "retread_notifications",
            "Notifications by notifier and state.",
            ("notifier", "state"),
            {
                (one.name, state): float(count)
                for one in live.notifiers
                for state, count in one.messages.items()
            },
        )

    def _quality(self) -> Iterable[Metric]:
        quality = self._overview.live.quality
        if quality is None:
            return
        yield self._gauge(
            "retread_monitored_requests",
            "Requests that the version in production has answered since its promotion.",
            ("version",),
            {(str(quality.version),): float(quality.requests)},
        )
        yield self._gauge(
            "retread_labels",
            "Labels joined to its predictions.",
            ("version",),
            {(str(quality.version),): float(quality.labels)},
        )
        values = {"expected": quality.expected, "observed": quality.observed}
        yield self._gauge(
            "retread_quality",
            "The metric by which production is judged: expected by its evaluation, and observed.",
            ("metric", "value"),
            {(quality.metric or "", name): v for name, v in values.items() if v is not None},
        )

    def _gauge(
        self, name: str, text: str, labels: tuple[str, ...], values: dict[tuple[str, ...], float]
    ) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("model", *labels))
        for names, value in values.items():
            family.add_metric((self._overview.model, *names), value)
        return family
