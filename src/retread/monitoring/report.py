"""The monitor's report on the production version, as a value and as an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from math import log

import msgspec
import numpy as np

from retread.bundle import CONFIDENCE
from retread.core import format_metric
from retread.core.local_time import local_time
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.monitoring.effect import effect_sizes
from retread.monitoring.performance import Performance, degradation, observed_metric
from retread.monitoring.state import MonitorState
from retread.monitoring.streams import Streams
from retread.monitoring.watch import (
    Detectors,
    MonitoredVersion,
    Production,
    Watch,
    alarms,
    alpha_of_each,
    recent_streams,
)
from retread.project.settings import MonitoringSection
from retread.registry.events import DegradationDetected, DriftDetected
from retread.registry.ledger import Entry


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one stream.

    `evidence` is the largest log-odds of any detector, corrected for the number of streams; an
    alarm needs the report's `evidence_needed`.
    """

    name: str
    evidence: float
    effect: float
    drifted: bool


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The performance on labelled predictions.

    Attributes:
        metric: The metric that is compared.
        expected: Its value on the evaluation split.
        observed: Its value on the latest labelled predictions, None without labels.
        labels: The number of labels joined so far.
        missed: The number of labels for which no prediction was waiting: they were for another
            version, or too late.
        degraded: Whether there is an alarm.
        estimated_accuracy: The mean of the model's own confidence. It is only as good as the
            model's calibration, and never an alarm.
    """

    metric: str
    expected: float
    observed: float | None
    labels: int
    missed: int
    degraded: bool
    estimated_accuracy: float | None


class PastAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm in the ledger, with a short description."""

    at: datetime
    kind: str
    description: str


class MonitorReport(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """The report on the production version; `version` is None if there is none.

    Attributes:
        windows: The number of windows processed.
        requests: The number of requests in them.
        waiting: The number of requests that do not fill a window yet.
        evidence_needed: The evidence that an alarm needs.
        effect_needed: The effect size that an alarm needs.
        past: The alarms since the promotion.
    """

    version: int | None = None
    since: datetime | None = None
    windows: int = 0
    requests: int = 0
    waiting: int = 0
    evidence_needed: float = 0.0
    effect_needed: float = 0.0
    streams: tuple[StreamReport, ...] = ()
    performance: PerformanceReport | None = None
    past: tuple[PastAlarm, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether there is drift or degradation now."""
        drifted = any(stream.drifted for stream in self.streams)
        return drifted or (self.performance is not None and self.performance.degraded)

    def as_table(self) -> ShownTable:
        if self.version is None:
            return ShownTable("No version is in production yet.", ("stream",), [])
        rows: list[tuple[object, ...]] = [
            (s.name, f"{s.evidence:.1f}", f"{s.effect:.2f}", "drift" if s.drifted else None)
            for s in self.streams
        ]
        if (performance := self.performance) is not None:
            observed = performance.observed
            shown = "unknown" if observed is None else format_metric(observed)
            degraded = "degraded" if performance.degraded else None
            rows.append((performance.metric, shown, None, degraded))
        caption = f"Version {self.version}: {self.requests} requests in {self.windows} windows"
        return ShownTable(caption, ("stream", "evidence", "effect", "alarm"), rows)


def make_report(
    state: MonitorState,
    version: MonitoredVersion,
    detectors: Detectors,
    settings: MonitoringSection,
    entries: Sequence[Entry],
) -> MonitorReport:
    """Make a report.

    Args:
        state: The monitor's state.
        version: The version in production.
        detectors: The detectors by name.
        settings: When there is an alarm.
        entries: The entries of the ledger.
    """
    watch = state.watch
    recent = recent_streams(watch, version)
    return MonitorReport(
        version=version.production.version,
        since=version.production.since,
        windows=watch.windows,
        requests=watch.requests,
        waiting=len(watch.waiting),
        evidence_needed=log(1 / alpha_of_each(settings.alpha, detectors)),
        effect_needed=settings.min_effect,
        streams=_streams(watch, recent, version, detectors, settings),
        performance=_performance(state.performance, recent, version, settings),
        past=_past(entries, version.production),
    )


def render_page(report: MonitorReport, zone: tzinfo | None = None) -> str:
    """Render a report as one HTML page without scripts; all names in it are escaped.

    Args:
        report: The report.
        zone: The zone in which to show times; None for that of the machine.
    """
    # Only this function needs a template engine.
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("retread.monitoring", "pages"), autoescape=True, trim_blocks=True
    )
    environment.filters["local"] = lambda at: local_time(at, zone)
    return environment.get_template("report.html").render(report=report)


def _performance(
    performance: Performance | None,
    recent: Streams,
    version: MonitoredVersion,
    settings: MonitoringSection,
) -> PerformanceReport | None:
    baseline = version.baseline
    if performance is None or baseline is None:
        return None
    alarm = degradation(performance, baseline, version.production.version, settings)
    return PerformanceReport(
        metric=baseline.metric,
        expected=baseline.expected,
        observed=observed_metric(performance, baseline),
        labels=performance.labelled,
        missed=performance.missed,
        degraded=alarm is not None,
        estimated_accuracy=_mean_confidence(recent),
    )


def _streams(
    watch: Watch,
    recent: Streams,
    version: MonitoredVersion,
    detectors: Detectors,
    settings: MonitoringSection,
) -> tuple[StreamReport, ...]:
    if not watch.windows:
        return ()
    found = alarms(watch, version, detectors, settings)
    drifted = {stream for alarm in found for stream in alarm.streams}
    evidence: dict[str, float] = {}
    for name, detector in detectors.items():
        for stream, value in detector.evidence(watch.states[name]).items():
            evidence[stream] = max(value, evidence.get(stream, -np.inf))
    effect = effect_sizes(version.reference, recent, evidence)
    return tuple(
        StreamReport(
            name=name, evidence=evidence[name], effect=effect[name], drifted=name in drifted
        )
        for name in sorted(evidence, key=lambda name: -evidence[name])
    )


def _mean_confidence(recent: Streams) -> float | None:
    values = recent.numeric.get(CONFIDENCE, np.zeros(0))
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _past(entries: Sequence[Entry], production: Production) -> tuple[PastAlarm, ...]:
    past = []
    for entry in entries:
        event = entry.event
        if entry.sequence <= production.sequence:
            continue
        if isinstance(event, DriftDetected):
            description = f"{', '.join(event.streams)} (window {event.window})"
            past.append(PastAlarm(at=entry.at, kind="drift", description=description))
        elif isinstance(event, DegradationDetected):
            description = f"{event.metric} {event.expected:.3g} -> {event.observed:.3g}"
            past.append(PastAlarm(at=entry.at, kind="degradation", description=description))
    return tuple(past)
