"""Triggers and the retrainings that followed from them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from retread.registry.events import (
    CanaryStarted,
    LedgerEvent,
    RetrainingFinished,
    RetrainingOutcome,
    RetrainingStarted,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry

_UNDECIDED = frozenset({TriggerDecision.COOLDOWN, TriggerDecision.HELD})


class Phase(StrEnum):
    """Progress of a retraining; the values are shown to users and returned by the API."""

    REQUESTED = "requested"
    WAITING = "waiting"
    TRAINING = "training"
    GATE = "gate"
    CANARY = "canary"
    PROMOTION = "promotion"
    FINISHED = "finished"


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger, the arbiter's decision, and the retraining if there was one.

    `since` is when it entered its phase. `share` is the canary's share of the traffic, 0 to 1.
    What is not known yet is None.
    """

    trigger: str
    at: datetime
    kind: str
    detail: str
    phase: Phase
    since: datetime
    decision: TriggerDecision | None = None
    reason: str = ""
    dataset: str | None = None
    version: int | None = None
    share: float | None = None
    outcome: RetrainingOutcome | None = None

    @property
    def in_progress(self) -> bool:
        """Whether the arbiter accepted it, and it has not finished."""
        return self.phase not in {Phase.REQUESTED, Phase.FINISHED}


def retrainings_in(entries: Iterable[Entry]) -> tuple[Retraining, ...]:
    """Fold ledger entries into one retraining per trigger, latest first."""
    known: dict[str, Retraining] = {}
    for entry in entries:
        if isinstance(entry.event, TriggerReceived):
            known[entry.event.trigger] = _requested(entry.event, entry.at)
            continue
        trigger = _trigger_of(entry.event, known)
        if trigger in known:
            known[trigger] = _advanced(known[trigger], entry.event, entry.at)
    return tuple(reversed(known.values()))


def _requested(event: TriggerReceived, at: datetime) -> Retraining:
    return Retraining(
        trigger=event.trigger,
        at=at,
        kind=event.cause.kind,
        detail=event.cause.detail,
        phase=Phase.REQUESTED,
        since=at,
        version=event.candidate or None,
    )


def _trigger_of(event: LedgerEvent, known: dict[str, Retraining]) -> str | None:
    """Find the trigger an event belongs to, by the trigger's name or by the version."""
    match event:
        case TriggerDecided() | RetrainingStarted() | RetrainingFinished():
            return event.trigger
        case VersionRegistered():
            return event.cause.trigger
        case CanaryStarted() | SlotAssigned():
            candidates = (r for r in known.values() if r.in_progress)
            return next((r.trigger for r in candidates if r.version == event.version), None)
        case _:
            return None


def _advanced(before: Retraining, event: LedgerEvent, at: datetime) -> Retraining:
    match event:
        case TriggerDecided():
            return replace(
                before,
                phase=_phase_after(event.decision),
                since=at,
                decision=event.decision,
                reason=event.reason,
            )
        case RetrainingStarted():
            data = f"{event.dataset}@{event.dataset_version}"
            return replace(before, phase=Phase.TRAINING, since=at, dataset=data)
        case VersionRegistered():
            return replace(before, phase=Phase.GATE, since=at, version=event.version)
        case CanaryStarted():
            return replace(before, phase=Phase.CANARY, since=at)
        case SlotAssigned(slot=Slot.CANARY):
            return replace(before, share=event.share)
        case SlotAssigned(slot=Slot.PRODUCTION):
            return replace(before, phase=Phase.PROMOTION, since=at)
        case RetrainingFinished():
            return replace(
                before,
                phase=Phase.FINISHED,
                since=at,
                outcome=event.outcome,
                reason=event.reason,
                version=event.version or before.version,
            )
        case _:
            return before


def _phase_after(decision: TriggerDecision) -> Phase:
    if decision is TriggerDecision.ACCEPTED:
        return Phase.WAITING
    return Phase.REQUESTED if decision in _UNDECIDED else Phase.FINISHED
