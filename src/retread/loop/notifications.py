"""Notifications about ledger events: alarms, quarantine, held triggers, promotions and rollbacks.

The events may come from anywhere: the loop, a command, or a promoter that was restarted. What only
the workflow knows, such as the runs of a training, it announces itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from retread.core.quarantine import VersionState
from retread.loop import messages
from retread.loop.messages import MessageContext
from retread.loop.outbox import RETRY_FOR
from retread.loop.ports import LoopPorts
from retread.loop.trigger_requests import proposal_of
from retread.notify import Message
from retread.registry.events import (
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    PromotionCompleted,
    PromotionReverted,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry


class Notification(NamedTuple):
    """A message and the key under which it is sent at most once."""

    key: str
    message: Message


@dataclass(slots=True)
class _Earlier:
    """What earlier entries recorded.

    `drifted` and `degraded` name the streams and metrics of the alarms since the last promotion.
    """

    drifted: set[str] = field(default_factory=set)
    degraded: set[str] = field(default_factory=set)
    triggers: dict[str, TriggerReceived] = field(default_factory=dict)
    metrics: dict[int, Mapping[str, float]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


def notifications(
    entries: Iterable[Entry], context: MessageContext, now: datetime
) -> Iterator[Notification]:
    """Yield a notification for every event that is worth one.

    Events older than the time for which a message is retried are left out: a notifier that is set
    up later does not receive the past. Of the alarms since the last promotion, only those are
    announced that name a new stream or metric: traffic that has drifted stays drifted, and the
    tenth message about it is noise.

    Args:
        entries: All entries of the ledger, oldest first.
        context: What every message mentions.
        now: Current time, in UTC.
    """
    earlier = _Earlier()
    for entry in entries:
        found = _alarm(entry, context, earlier) or _held(entry, context, earlier)
        found = found or _promotion(entry, context, earlier)
        if found and entry.at >= now - RETRY_FOR:
            author = entry.event.actor
            yield found._replace(message=replace(found.message, at=entry.at, author=author))


def enqueue_notifications(
    ports: LoopPorts, entries: Iterable[Entry], fold_before: datetime | None = None
) -> None:
    """Queue every notification about the ledger, each once.

    Args:
        ports: The outbox, the clock and what every message mentions.
        entries: All entries of the ledger, oldest first.
        fold_before: What happened before this time is told in one message, as when the loop
            starts for the first time, or after it was down. None folds nothing.
    """
    found = list(notifications(entries, ports.message_context, ports.clock.now()))
    if fold_before is not None:
        _fold(ports, found, fold_before)
    for key, message in found:
        ports.outbox.enqueue(key, message)


def _fold(ports: LoopPorts, found: Sequence[Notification], before: datetime) -> None:
    """Queue one message in place of all unsent ones about what happened before a time."""
    known = ports.outbox.known([notification.key for notification in found])
    old = [
        one
        for one in found
        if one.key not in known and one.message.at is not None and one.message.at < before
    ]
    if len(old) > 1:
        summary = messages.summary(ports.message_context, [one.message for one in old])
        ports.outbox.enqueue_folded(f"summary/{old[-1].key}", summary, old)


def _alarm(entry: Entry, context: MessageContext, earlier: _Earlier) -> Notification | None:
    event = entry.event
    match event:
        case DriftDetected():
            is_new = not earlier.drifted.issuperset(event.streams)
            earlier.drifted.update(event.streams)
            if is_new:
                message = messages.drift_detected(context, event)
                return Notification(f"drift/{entry.sequence}", message)
        case DegradationDetected() if event.metric not in earlier.degraded:
            earlier.degraded.add(event.metric)
            message = messages.degradation_detected(context, event)
            return Notification(f"degradation/{entry.sequence}", message)
        case DatasetVersionAdded() if event.state == VersionState.QUARANTINED:
            key = f"quarantine/{event.dataset}/{event.version}"
            return Notification(key, messages.quarantined(context, event))
        case _:
            pass
    return None


def _held(entry: Entry, context: MessageContext, earlier: _Earlier) -> Notification | None:
    event = entry.event
    match event:
        case TriggerReceived():
            earlier.triggers[event.trigger] = event
        case TriggerDecided() if (
            event.decision == TriggerDecision.HELD and event.trigger in earlier.triggers
        ):
            proposal = proposal_of(earlier.triggers[event.trigger])
            message = messages.trigger_held(context, proposal, event.reason)
            return Notification(f"held/{event.trigger}", message)
        case _:
            pass
    return None


def _promotion(entry: Entry, context: MessageContext, earlier: _Earlier) -> Notification | None:
    event = entry.event
    match event:
        case VersionRegistered():
            earlier.metrics[event.version] = event.metrics
        case SlotAssigned(slot=Slot.PRODUCTION):
            earlier.reasons[event.generation] = event.reason
        case PromotionCompleted():
            earlier.drifted.clear()
            earlier.degraded.clear()
            reason = earlier.reasons.get(event.generation, "")
            if event.rollback:
                message = messages.returned(context, event, reason)
                return Notification(f"returned/{event.generation}", message)
            metrics = earlier.metrics.get(event.version, {})
            message = messages.deployed(context, event, metrics, reason)
            return Notification(f"deployed/{event.generation}", message)
        case PromotionReverted():
            message = messages.reverted(context, event)
            return Notification(f"reverted/{event.generation}", message)
        case _:
            pass
    return None
