"""Windows of one version's traffic, and what the detectors make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

from retread.monitoring.detector import Detector, alarming_streams
from retread.monitoring.effect import effect_sizes
from retread.monitoring.production import MonitoredVersion, Production
from retread.monitoring.streams import Streams, traffic_streams
from retread.project.settings import MonitoringSection
from retread.registry.events import DriftDetected, Slot
from retread.serving.record import PredictionRecord

_FEWEST_FOR_EFFECT = 100

Detectors = Mapping[str, Detector[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What is remembered of a version's traffic.

    `states` are the detectors', by name; `recent` the latest records of full windows, on which
    effects are measured; `waiting` those that do not fill a window yet.
    """

    states: Mapping[str, Any]
    windows: int = 0
    requests: int = 0
    recent: tuple[PredictionRecord, ...] = ()
    waiting: tuple[PredictionRecord, ...] = ()


def begin(subject: MonitoredVersion, detectors: Detectors) -> Watch:
    """A version's traffic is watched against its own reference, from nothing."""
    seed = subject.production.sequence
    return Watch({name: d.start(subject.reference, seed) for name, d in detectors.items()})


def of_production(
    records: Iterable[PredictionRecord], production: Production
) -> tuple[PredictionRecord, ...]:
    """Good answers that this version gave as production."""
    return tuple(
        record
        for record in records
        if record.status == 200
        and record.answer is not None
        and record.answer.slot == Slot.PRODUCTION
        and record.answer.version == production.version
        and not record.answer.error
    )


def take_in(watch: Watch, records: Sequence[PredictionRecord]) -> Watch:
    return replace(watch, waiting=watch.waiting + tuple(records))


def look(
    watch: Watch, subject: MonitoredVersion, detectors: Detectors, settings: MonitoringSection
) -> tuple[Watch, tuple[DriftDetected, ...]]:
    """Watch one full window; needs at least `settings.window` records waiting."""
    window, rest = watch.waiting[: settings.window], watch.waiting[settings.window :]
    batch = traffic_streams(window, subject.reference, subject.manifest.labels)
    keep = max(settings.window, _FEWEST_FOR_EFFECT)
    watch = Watch(
        states={name: d.update(watch.states[name], batch) for name, d in detectors.items()},
        windows=watch.windows + 1,
        requests=watch.requests + len(window),
        recent=(watch.recent + window)[-keep:],
        waiting=rest,
    )
    return watch, alarms(watch, subject, detectors, settings)


def alarms(
    watch: Watch, subject: MonitoredVersion, detectors: Detectors, settings: MonitoringSection
) -> tuple[DriftDetected, ...]:
    """At most one alarm a detector: streams with evidence, of which some matter by their size."""
    found = []
    alpha = alpha_of_each(settings.alpha, detectors)
    for name, detector in detectors.items():
        evidence = detector.evidence(watch.states[name])
        named = alarming_streams(evidence, alpha)
        if not named:
            continue
        effect = effect_sizes(subject.reference, recent_streams(watch, subject), named)
        large = tuple(s for s in named if effect[s] >= settings.min_effect)
        if any(evidence[s] >= log(1 / alpha) for s in large):
            found.append(
                DriftDetected(
                    version=subject.production.version,
                    detector=name,
                    window=watch.windows,
                    streams=large,
                    evidence={s: float(evidence[s]) for s in large},
                    effect={s: effect[s] for s in large},
                    requests=watch.requests,
                )
            )
    return tuple(found)


def alpha_of_each(alpha: float, detectors: Collection[str]) -> float:
    """What each detector may spend, so that together they alarm in vain with at most `alpha`.

    >>> alpha_of_each(0.05, ["conformal", "own"])
    0.025
    """
    return alpha / max(1, len(detectors))


def recent_streams(watch: Watch, subject: MonitoredVersion) -> Streams:
    return traffic_streams(watch.recent, subject.reference, subject.manifest.labels)
