"""How the production version is doing, as one value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import log

import msgspec
import numpy as np

from retread.bundle import CONFIDENCE
from retread.monitoring.effect import effect_sizes
from retread.monitoring.memory import Memory
from retread.monitoring.performance import Performance, degradation, observed_metric
from retread.monitoring.production import MonitoredVersion, Production
from retread.monitoring.streams import Streams
from retread.monitoring.watch import Detectors, Watch, alarms, alpha_of_each, recent_streams
from retread.project.settings import MonitoringSection
from retread.registry.events import DegradationDetected, DriftDetected
from retread.registry.ledger import Entry


class StreamReport(msgspec.Struct, frozen=True, kw_only=True):
    """One stream: `evidence` is the largest log-odds of any detector, with the number of
    streams accounted for; it is enough from the report's `evidence_needed` on."""

    name: str
    evidence: float
    effect: float
    drifted: bool


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """`observed` is on the latest labelled answers. `estimated_accuracy` is what the model's own
    confidence promises: right only as far as the model is calibrated, and never an alarm.
    `missed` labels found no answer waiting: they came for another version, or too late."""

    metric: str
    expected: float
    observed: float | None
    labels: int
    missed: int
    degraded: bool
    estimated_accuracy: float | None


class PastAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm in the ledger."""

    at: datetime
    kind: str
    what: str


class MonitorReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the watch; version 0 is no production."""

    version: int = 0
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
        """Whether anything drifts or degrades now."""
        drifted = any(stream.drifted for stream in self.streams)
        return drifted or (self.performance is not None and self.performance.degraded)


def make_report(
    memory: Memory,
    subject: MonitoredVersion,
    detectors: Detectors,
    settings: MonitoringSection,
    entries: Sequence[Entry],
) -> MonitorReport:
    """Pure; `entries` are the ledger's."""
    watch = memory.watch
    recent = recent_streams(watch, subject)
    return MonitorReport(
        version=subject.production.version,
        since=subject.production.since,
        windows=watch.windows,
        requests=watch.requests,
        waiting=len(watch.waiting),
        evidence_needed=log(1 / alpha_of_each(settings.alpha, detectors)),
        effect_needed=settings.min_effect,
        streams=_streams(watch, recent, subject, detectors, settings),
        performance=_performance(memory.performance, recent, subject, settings),
        past=_past(entries, subject.production),
    )


def _performance(
    performance: Performance | None,
    recent: Streams,
    subject: MonitoredVersion,
    settings: MonitoringSection,
) -> PerformanceReport | None:
    expectation = subject.expectation
    if performance is None or expectation is None:
        return None
    alarm = degradation(performance, expectation, subject.production.version, settings)
    return PerformanceReport(
        metric=expectation.metric,
        expected=expectation.expected,
        observed=observed_metric(performance, expectation),
        labels=performance.labelled,
        missed=performance.missed,
        degraded=alarm is not None,
        estimated_accuracy=_mean_confidence(recent),
    )


def _streams(
    watch: Watch,
    recent: Streams,
    subject: MonitoredVersion,
    detectors: Detectors,
    settings: MonitoringSection,
) -> tuple[StreamReport, ...]:
    if not watch.windows:
        return ()
    found = alarms(watch, subject, detectors, settings)
    drifted = {stream for alarm in found for stream in alarm.streams}
    evidence: dict[str, float] = {}
    for name, detector in detectors.items():
        for stream, value in detector.evidence(watch.states[name]).items():
            evidence[stream] = max(value, evidence.get(stream, -np.inf))
    effect = effect_sizes(subject.reference, recent, evidence)
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
            what = f"{', '.join(event.streams)} (window {event.window})"
            past.append(PastAlarm(at=entry.at, kind="drift", what=what))
        elif isinstance(event, DegradationDetected):
            what = f"{event.metric} {event.expected:.3g} -> {event.observed:.3g}"
            past.append(PastAlarm(at=entry.at, kind="degradation", what=what))
    return tuple(past)
