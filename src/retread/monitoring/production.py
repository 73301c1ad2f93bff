"""Who is in production, since when, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retread.bundle import REFERENCE, BundleStore, Manifest, decode_reference
from retread.monitoring.performance import Yardstick, yardstick
from retread.monitoring.streams import Streams, reference_streams
from retread.project import Settings
from retread.registry.events import PromotionCompleted, VersionRegistered
from retread.registry.ledger import Entry


@dataclass(frozen=True, slots=True)
class Production:
    """The version in production; `sequence` is the ledger entry that completed its promotion."""

    version: int
    bundle: str
    sequence: int
    since: datetime


@dataclass(frozen=True, slots=True, eq=False)
class MonitoredVersion:
    """What traffic is compared with."""

    production: Production
    manifest: Manifest
    reference: Streams
    expectation: Yardstick | None


def production_of(entries: Sequence[Entry]) -> Production | None:
    """The version of the last completed promotion; None before the first."""
    bundles = {
        entry.event.version: entry.event.bundle
        for entry in entries
        if isinstance(entry.event, VersionRegistered)
    }
    for entry in reversed(entries):
        if isinstance(entry.event, PromotionCompleted):
            version = entry.event.version
            return Production(version, bundles.get(version, ""), entry.sequence, entry.at)
    return None


def subject_of(
    production: Production, bundles: BundleStore, settings: Settings
) -> MonitoredVersion:
    """Reads the bundle; NotFound, IntegrityBroken."""
    manifest = bundles.manifest(production.bundle)
    reference = reference_streams(decode_reference(bundles.read(production.bundle, REFERENCE)))
    return MonitoredVersion(
        production=production,
        manifest=manifest,
        reference=reference,
        expectation=yardstick(manifest, reference, settings.gate.metric, settings.monitoring),
    )
