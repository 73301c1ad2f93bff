"""The state of a project at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from retread.app.overview.alarms import Alarm, alarms_in
from retread.app.overview.messages import UnsettledMessage
from retread.app.overview.retraining import Retraining, retrainings_in
from retread.app.overview.words import describe_event
from retread.core import Outcome
from retread.registry.events import CanaryJudged, GateJudged, SlotAssigned
from retread.registry.ledger import Entry
from retread.registry.state import RegistryState

RECENT = 15
RECENT_ALARMS = 5


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers in a slot, and since when."""

    slot: str
    version: int
    model_type: str
    dataset: str
    bundle: str
    generation: int
    share: float
    since: datetime | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The latest word of the gate or the canary."""

    at: datetime
    judge: str
    version: int
    outcome: Outcome
    reasons: tuple[str, ...]


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the ledger, as people read it."""

    sequence: int
    at: datetime
    event: str
    text: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What serves where, what was last decided, what is under way (begun first, first), and
    which messages people may not have got."""

    model: str
    slots: tuple[SlotView, ...]
    verdict: Judgement | None
    alarms: tuple[Alarm, ...]
    retrainings: tuple[Retraining, ...]
    messages: tuple[UnsettledMessage, ...]
    recent: tuple[HistoryEntry, ...]
    versions: int
    entries: int


def overview(
    model: str,
    entries: Sequence[Entry],
    state: RegistryState,
    messages: tuple[UnsettledMessage, ...] = (),
) -> Overview:
    """What `entries`, and the `state` they add up to, come to."""
    return Overview(
        model=model,
        slots=_slots(entries, state),
        verdict=_verdict(entries),
        alarms=alarms_in(entries)[:RECENT_ALARMS],
        retrainings=tuple(r for r in reversed(retrainings_in(entries)) if r.is_under_way),
        messages=messages,
        recent=happenings(entries[-RECENT:]),
        versions=len(state.versions),
        entries=len(entries),
    )


def happenings(entries: Sequence[Entry]) -> tuple[HistoryEntry, ...]:
    """Entries as sentences, latest first."""
    return tuple(
        HistoryEntry(
            sequence=entry.sequence,
            at=entry.at,
            event=type(entry.event).__name__,
            text=describe_event(entry.event),
        )
        for entry in reversed(entries)
    )


def _slots(entries: Sequence[Entry], state: RegistryState) -> tuple[SlotView, ...]:
    since = {e.event.generation: e.at for e in entries if isinstance(e.event, SlotAssigned)}
    views = []
    for slot, held in state.slots.items():
        version = state.versions.get(held.version)
        views.append(
            SlotView(
                slot=slot.value,
                version=held.version,
                model_type=version.model_type if version else "",
                dataset=f"{version.dataset}@{version.dataset_version}" if version else "",
                bundle=held.bundle,
                generation=held.generation,
                share=held.share,
                since=since.get(held.generation),
            )
        )
    return tuple(views)


def _verdict(entries: Sequence[Entry]) -> Judgement | None:
    for entry in reversed(entries):
        event = entry.event
        if isinstance(event, GateJudged | CanaryJudged):
            return Judgement(
                at=entry.at,
                judge="gate" if isinstance(event, GateJudged) else "canary",
                version=event.version,
                outcome=event.verdict.outcome,
                reasons=event.verdict.reasons,
            )
    return None
