"""Which alarms a change of the traffic caused, and which retrainings those asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retread.bundle import CauseKind
from retread.demos.moments import events_of
from retread.registry.events import (
    DegradationDetected,
    DriftDetected,
    TriggerDecided,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry

Alarm = DriftDetected | DegradationDetected

_CAUSES: dict[type[Alarm], CauseKind] = {
    DriftDetected: CauseKind.DRIFT,
    DegradationDetected: CauseKind.DEGRADATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When the world changed: after entry `sequence` of the ledger and `quiet` questions, all of
    them labelled, while `version` served."""

    sequence: int
    quiet: int
    version: int


def false_alarms(entries: Sequence[Entry], turn: Turn) -> tuple[Alarm, ...]:
    """Alarms about `turn.version` that only quiet traffic can have caused, however late they
    came."""
    return tuple(alarm for entry, alarm in _alarms(entries, turn) if _is_early(entry, alarm, turn))


def true_alarms(entries: Sequence[Entry], turn: Turn) -> tuple[Alarm, ...]:
    """Alarms about `turn.version` that had changed traffic to go by."""
    return tuple(alarm for entry, alarm in _late(entries, turn))


def asked_by_alarm(entries: Sequence[Entry], turn: Turn) -> tuple[TriggerReceived, ...]:
    """Accepted triggers that a true alarm of their own kind came before."""
    accepted = {d.trigger for d in events_of(entries, TriggerDecided) if d.decision == "accepted"}
    late = _late(entries, turn)
    found = []
    for entry in entries:
        asked = entry.event
        if not isinstance(asked, TriggerReceived) or asked.trigger not in accepted:
            continue
        before = [alarm for at, alarm in late if at.sequence < entry.sequence]
        if any(_CAUSES[type(alarm)] == asked.cause.kind for alarm in before):
            found.append(asked)
    return tuple(found)


def made_by_alarm(entries: Sequence[Entry], turn: Turn) -> frozenset[int]:
    """The model versions that came of those triggers."""
    triggers = {asked.trigger for asked in asked_by_alarm(entries, turn)}
    made = events_of(entries, VersionRegistered)
    return frozenset(event.version for event in made if event.cause.trigger in triggers)


def _alarms(entries: Sequence[Entry], turn: Turn) -> list[tuple[Entry, Alarm]]:
    return [
        (entry, entry.event)
        for entry in entries
        if isinstance(entry.event, Alarm) and entry.event.version == turn.version
    ]


def _late(entries: Sequence[Entry], turn: Turn) -> list[tuple[Entry, Alarm]]:
    return [(entry, alarm) for entry, alarm in _alarms(entries, turn)
            if not _is_early(entry, alarm, turn)]  # fmt: skip


def _is_early(entry: Entry, alarm: Alarm, turn: Turn) -> bool:
    # The loop looks a moment later: what it says after the change may be about before.
    seen = alarm.requests if isinstance(alarm, DriftDetected) else alarm.labels
    return entry.sequence <= turn.sequence or seen <= turn.quiet
