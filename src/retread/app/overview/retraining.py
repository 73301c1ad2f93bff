"""Triggers and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from retread.loop import TriggerDecision
from retread.registry.events import (
    CanaryStarted,
    LedgerEvent,
    RetrainingFinished,
    RetrainingStarted,
    SlotAssigned,
    TriggerDecided,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry

_STILL_ASKED = frozenset({TriggerDecision.COOLDOWN, TriggerDecision.HELD})


class Phase(StrEnum):
    """How far a retraining is."""

    ASKED = "asked"
    WAITING = "waiting"
    TRAINING = "training"
    GATE = "gate"
    CANARY = "canary"
    PROMOTION = "promotion"
    FINISHED = "finished"


class Retraining(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger, the arbiter's decision, and the retraining if there was one.

    `since` is when it entered its phase; `share` the canary's, in phase canary.
    """

    trigger: str
    at: datetime
    kind: str
    detail: str
    phase: Phase
    since: datetime
    decision: str = ""
    reason: str = ""
    dataset: str = ""
    version: int = 0
    share: float = 0.0
    outcome: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether the arbiter let it begin, and it has not ended."""
        return self.phase not in {Phase.ASKED, Phase.FINISHED}


def retrainings_in(entries: Iterable[Entry]) -> tuple[Retraining, ...]:
    """One for each trigger among `entries`, latest first."""
    known: dict[str, Retraining] = {}
    for entry in entries:
        if isinstance(entry.event, TriggerReceived):
            known[entry.event.trigger] = _asked(entry.event, entry.at)
            continue
        trigger = _trigger(entry.event, known)
        if trigger in known:
            known[trigger] = _moved(known[trigger], entry.event, entry.at)
    return tuple(reversed(known.values()))


def _asked(event: TriggerReceived, at: datetime) -> Retraining:
    return Retraining(
        trigger=event.trigger,
        at=at,
        kind=event.cause.kind,
        detail=event.cause.detail,
        phase=Phase.ASKED,
        since=at,
        version=event.candidate,
    )


def _trigger(event: LedgerEvent, known: dict[str, Retraining]) -> str:
    """The trigger an event belongs to, by its name or by its version."""
    match event:
        case TriggerDecided() | RetrainingStarted() | RetrainingFinished():
            return event.trigger
        case VersionRegistered():
            return event.cause.trigger
        case CanaryStarted() | SlotAssigned():
            return _of_version(event.version, known)
        case _:
            return ""


def _of_version(version: int, known: dict[str, Retraining]) -> str:
    return next((r.trigger for r in known.values() if r.version == version and r.is_under_way), "")


def _moved(before: Retraining, event: LedgerEvent, at: datetime) -> Retraining:
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
        case SlotAssigned() if event.slot == "canary":
            return replace(before, share=event.share)
        case SlotAssigned() if event.slot == "production":
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


def _phase_after(decision: str) -> Phase:
    if decision == TriggerDecision.ACCEPTED:
        return Phase.WAITING
    return Phase.ASKED if decision in _STILL_ASKED else Phase.FINISHED
