"""The version in production, and the windows of its traffic that detectors watch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf, log
from typing import Any

from retread.bundle import REFERENCE, BundleStore, Manifest, decode_reference
from retread.monitoring.detector import Detector, alarming_streams
from retread.monitoring.effect import effect_sizes
from retread.monitoring.performance import PerformanceBaseline, performance_baseline
from retread.monitoring.streams import Streams, reference_streams, traffic_streams
from retread.project import Settings
from retread.project.settings import MonitoringSection
from retread.registry.events import DriftDetected, PromotionCompleted, Slot, VersionRegistered
from retread.registry.ledger import Entry
from retread.serving.traffic import PredictionRecord

_FEWEST_FOR_EFFECT = 100

Detectors = Mapping[str, Detector[Any]]


@dataclass(frozen=True, slots=True)
class Production:
    """The version in production.

    Attributes:
        version: Its number.
        bundle: Digest of its bundle.
        sequence: The ledger entry that completed its promotion.
        since: The time of that entry.
        left_at: When it left production before; None if it was not in production before.
    """

    version: int
    bundle: str
    sequence: int
    since: datetime
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredVersion:
    """The version in production, with what its traffic is compared with.

    `baseline` is None if the bundle has no evaluation.
    """

    production: Production
    manifest: Manifest
    reference: Streams
    baseline: PerformanceBaseline | None


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """The windows of a version's traffic so far.

    Attributes:
        states: The detectors' states by name.
        windows: The number of full windows.
        requests: The number of requests in them.
        recent: The latest records of full windows, on which effects are measured.
        waiting: The records that do not fill a window yet.
    """

    states: Mapping[str, Any]
    windows: int = 0
    requests: int = 0
    recent: tuple[PredictionRecord, ...] = ()
    waiting: tuple[PredictionRecord, ...] = ()


def production_of(entries: Sequence[Entry]) -> Production | None:
    """Return the version of the last completed promotion, None before the first."""
    bundles: dict[int, str] = {}
    left: dict[int, datetime] = {}
    production: Production | None = None
    for entry in entries:
        match entry.event:
            case VersionRegistered() as event:
                bundles[event.version] = event.bundle
            case PromotionCompleted(version=version):
                if production is not None:
                    left[production.version] = entry.at
                bundle = bundles.get(version, "")
                production = Production(
                    version, bundle, entry.sequence, entry.at, left.get(version)
                )
            case _:
                pass
    return production


def monitored_version(
    production: Production, bundles: BundleStore, settings: Settings
) -> MonitoredVersion:
    """Read from the bundle what the version's traffic is compared with.

    Raises:
        NotFound: The bundle does not exist.
        IntegrityBroken: A file is not the one that the manifest names.
    """
    manifest = bundles.manifest(production.bundle)
    reference = reference_streams(decode_reference(bundles.read(production.bundle, REFERENCE)))
    return MonitoredVersion(
        production=production,
        manifest=manifest,
        reference=reference,
        baseline=performance_baseline(
            manifest, reference, settings.gate.metric, settings.monitoring
        ),
    )


def start_watch(version: MonitoredVersion, detectors: Detectors) -> Watch:
    """Start to watch a version's traffic against its own reference."""
    seed = version.production.sequence
    return Watch({name: d.start(version.reference, seed) for name, d in detectors.items()})


def of_production(
    records: Iterable[PredictionRecord], production: Production
) -> tuple[PredictionRecord, ...]:
    """Select the successful predictions that this version made as production.

    Those of an earlier time in production are left out: a version that came back by a rollback is
    judged by what it does now.
    """
    after = production.left_at.timestamp() if production.left_at else -inf
    return tuple(
        record
        for record in records
        if record.status == 200
        and record.answer is not None
        and record.answer.slot == Slot.PRODUCTION
        and record.answer.version == production.version
        and not record.answer.error
        and record.at > after
    )


def add_records(watch: Watch, records: Sequence[PredictionRecord]) -> Watch:
    """Add records to those that wait for a full window."""
    return replace(watch, waiting=watch.waiting + tuple(records))


def process_window(
    watch: Watch, version: MonitoredVersion, detectors: Detectors, settings: MonitoringSection
) -> tuple[Watch, tuple[DriftDetected, ...]]:
    """Update the detectors with one full window.

    Args:
        watch: A watch with at least `settings.window` records waiting.
        version: The version whose traffic it is.
        detectors: The detectors by name.
        settings: The size of a window, and when there is an alarm.

    Returns:
        The watch after the window, and its alarms.
    """
    window, rest = watch.waiting[: settings.window], watch.waiting[settings.window :]
    batch = traffic_streams(window, version.reference, version.manifest.labels)
    keep = max(settings.window, _FEWEST_FOR_EFFECT)
    watch = Watch(
        states={name: d.update(watch.states[name], batch) for name, d in detectors.items()},
        windows=watch.windows + 1,
        requests=watch.requests + len(window),
        recent=(watch.recent + window)[-keep:],
        waiting=rest,
    )
    return watch, alarms(watch, version, detectors, settings)


def alarms(
    watch: Watch, version: MonitoredVersion, detectors: Detectors, settings: MonitoringSection
) -> tuple[DriftDetected, ...]:
    """Return at most one alarm per detector.

    An alarm names the streams with enough evidence and a large enough effect.
    """
    found = []
    alpha = alpha_of_each(settings.alpha, detectors)
    for name, detector in detectors.items():
        evidence = detector.evidence(watch.states[name])
        named = alarming_streams(evidence, alpha)
        if not named:
            continue
        effect = effect_sizes(version.reference, recent_streams(watch, version), named)
        large = tuple(s for s in named if effect[s] >= settings.min_effect)
        if any(evidence[s] >= log(1 / alpha) for s in large):
            found.append(
                DriftDetected(
                    version=version.production.version,
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
    """Return the false alarm probability per detector that adds up to `alpha`.

    >>> alpha_of_each(0.05, ["conformal", "own"])
    0.025
    """
    return alpha / max(1, len(detectors))


def recent_streams(watch: Watch, version: MonitoredVersion) -> Streams:
    """Return the streams of the latest records, on which effects are measured."""
    return traffic_streams(watch.recent, version.reference, version.manifest.labels)
