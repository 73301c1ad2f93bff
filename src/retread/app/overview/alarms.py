"""Alarms of the monitor, latest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from retread.app.overview.words import describe_event
from retread.registry.events import DegradationDetected, DriftDetected
from retread.registry.ledger import Entry


class AlarmKind(StrEnum):
    """What was noticed."""

    DRIFT = "drift"
    DEGRADATION = "degradation"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm about a version's traffic."""

    at: datetime
    kind: AlarmKind
    version: int
    text: str
    numbers: dict[str, float]


def alarms_in(entries: Iterable[Entry]) -> tuple[Alarm, ...]:
    """Every alarm among `entries`, latest first."""
    found = [alarm for entry in entries if (alarm := _alarm(entry)) is not None]
    return tuple(reversed(found))


def _alarm(entry: Entry) -> Alarm | None:
    match entry.event:
        case DriftDetected() as event:
            kind, numbers = AlarmKind.DRIFT, event.effect
        case DegradationDetected() as event:
            kind = AlarmKind.DEGRADATION
            numbers = {"expected": event.expected, "observed": event.observed}
        case _:
            return None
    return Alarm(
        at=entry.at,
        kind=kind,
        version=event.version,
        text=describe_event(event),
        numbers=numbers,
    )
