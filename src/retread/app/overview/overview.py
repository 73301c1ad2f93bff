"""The state of a project on one page: what serves, what was decided, and what is in progress."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from retread.app.overview.describe import describe_event
from retread.app.overview.live import LiveReader, LiveState
from retread.app.overview.retraining import Retraining, retrainings_in
from retread.app.overview.snapshot import LedgerSnapshot, LedgerView
from retread.core import Outcome
from retread.loop import MessageState, Outbox
from retread.registry.events import (
    CanaryJudged,
    DegradationDetected,
    DriftDetected,
    GateJudged,
    SlotAssigned,
)
from retread.registry.ledger import Entry
from retread.registry.state import RegistryState

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

_RECENT_ENTRIES = 15
_RECENT_ALARMS = 5
_RECENT_MESSAGES = 15
_DELIVERY = {
    MessageState.UNCONFIRMED: "may have been delivered; it will not be sent again",
    MessageState.GIVEN_UP: "could not be delivered; it will not be sent again",
}


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """The version in a slot, and since when; `share` is its share of the traffic, 0 to 1.

    `model_type` and `dataset` are None if the ledger does not know the version.
    """

    slot: str
    version: int
    model_type: str | None
    dataset: str | None
    bundle: str
    generation: int
    share: float
    since: datetime | None


class VerdictSource(StrEnum):
    """Who judged a version."""

    GATE = "gate"
    CANARY = "canary"


class LatestVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The latest verdict of the gate or the canary."""

    at: datetime
    judge: VerdictSource
    version: int
    outcome: Outcome
    reasons: tuple[str, ...]


class AlarmKind(StrEnum):
    """What the monitor detected."""

    DRIFT = "drift"
    DEGRADATION = "degradation"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of the monitor about a version's traffic."""

    at: datetime
    kind: AlarmKind
    version: int
    text: str
    numbers: dict[str, float]


class UndeliveredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that was not delivered, or may not have been."""

    key: str
    notifier: str
    state: MessageState

    @property
    def text(self) -> str:
        """Its state as a sentence."""
        return f"Notification {self.key} to {self.notifier} {_DELIVERY[self.state]}."


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger entry as a sentence; `actor` is empty if it is not known."""

    sequence: int
    at: datetime
    event: str
    text: str
    actor: str = ""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What the status page shows; retrainings are oldest first, alarms and entries latest first.

    `retrainings` are in progress; `latest_retraining` is the one that finished last. `alarms` are
    those that were raised; those that stand now are in `live`.
    """

    model: str
    slots: tuple[SlotView, ...]
    verdict: LatestVerdict | None
    alarms: tuple[Alarm, ...]
    retrainings: tuple[Retraining, ...]
    latest_retraining: Retraining | None = None
    messages: tuple[UndeliveredMessage, ...]
    recent: tuple[HistoryEntry, ...]
    versions: int
    entries: int
    live: LiveState = LiveState()


def load_overview(workspace: Workspace, environment: Mapping[str, str]) -> Overview:
    """Read everything that is known of a workspace and return its overview."""
    snapshot = LedgerView(workspace.ledger).read()
    messages = undelivered_messages(workspace.outbox())
    live = LiveReader(workspace, environment).read(snapshot)
    return overview(workspace.settings.project.name, snapshot, messages, live)


def overview(
    model: str,
    snapshot: LedgerSnapshot,
    messages: tuple[UndeliveredMessage, ...] = (),
    live: LiveState | None = None,
) -> Overview:
    """Return the overview of a ledger.

    Args:
        model: Name of the project's model.
        snapshot: The ledger.
        messages: Notifications to be shown as undelivered.
        live: What stands now besides the ledger.
    """
    entries, state = snapshot.entries, snapshot.state
    retrainings = retrainings_in(entries)
    return Overview(
        model=model,
        slots=_slots(entries, state),
        verdict=_latest_verdict(entries),
        alarms=alarms_in(entries)[:_RECENT_ALARMS],
        retrainings=tuple(r for r in reversed(retrainings) if r.in_progress),
        latest_retraining=max(
            (r for r in retrainings if r.outcome), key=lambda r: r.since, default=None
        ),
        messages=messages,
        recent=history_of(entries[-_RECENT_ENTRIES:]),
        versions=len(state.versions),
        entries=len(entries),
        live=live or LiveState(),
    )


def history_of(entries: Sequence[Entry]) -> tuple[HistoryEntry, ...]:
    """Describe ledger entries, latest first."""
    return tuple(
        HistoryEntry(
            sequence=entry.sequence,
            at=entry.at,
            event=type(entry.event).__name__,
            text=describe_event(entry.event),
            actor=entry.event.actor,
        )
        for entry in reversed(entries)
    )


def alarms_in(entries: Iterable[Entry]) -> tuple[Alarm, ...]:
    """List the alarms among ledger entries, latest first."""
    found = [alarm for entry in entries if (alarm := _alarm(entry)) is not None]
    return tuple(reversed(found))


def undelivered_messages(outbox: Outbox) -> tuple[UndeliveredMessage, ...]:
    """List the latest undelivered messages by state, in the order in which they were enqueued."""
    return tuple(
        UndeliveredMessage(key=key, notifier=notifier, state=state)
        for state in _DELIVERY
        for key, notifier in outbox.keys(state)[-_RECENT_MESSAGES:]
    )


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


def _slots(entries: Sequence[Entry], state: RegistryState) -> tuple[SlotView, ...]:
    since = {e.event.generation: e.at for e in entries if isinstance(e.event, SlotAssigned)}
    views = []
    for slot, held in state.slots.items():
        if held.version is None or held.bundle is None:
            continue
        version = state.versions.get(held.version)
        views.append(
            SlotView(
                slot=slot.value,
                version=held.version,
                model_type=version.model_type if version else None,
                dataset=f"{version.dataset}@{version.dataset_version}" if version else None,
                bundle=held.bundle,
                generation=held.generation,
                share=held.share,
                since=since.get(held.generation),
            )
        )
    return tuple(views)


def _latest_verdict(entries: Sequence[Entry]) -> LatestVerdict | None:
    for entry in reversed(entries):
        event = entry.event
        if isinstance(event, GateJudged | CanaryJudged):
            is_gate = isinstance(event, GateJudged)
            return LatestVerdict(
                at=entry.at,
                judge=VerdictSource.GATE if is_gate else VerdictSource.CANARY,
                version=event.version,
                outcome=event.verdict.outcome,
                reasons=event.verdict.reasons,
            )
    return None
