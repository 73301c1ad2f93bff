"""Events that people are told of, beside those of a retraining."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from retread.data.version import VersionState
from retread.loop import messages
from retread.loop.backoff import GIVE_UP_S
from retread.loop.ports import LoopPorts
from retread.loop.proposal import proposed
from retread.loop.sender import MessageContext
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

Notice = tuple[str, Message]


@dataclass(slots=True)
class _Known:
    """What earlier entries said: of this production's alarms, of triggers, versions, promotions."""

    alarmed: set[str] = field(default_factory=set)
    degraded: set[str] = field(default_factory=set)
    received: dict[str, TriggerReceived] = field(default_factory=dict)
    metrics: dict[int, Mapping[str, float]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)


def notices(entries: Iterable[Entry], sender: MessageContext, now: datetime) -> Iterator[Notice]:
    """(key, message) of everything worth saying, oldest first.

    What is older than the time for which a message is kept is history: whoever sets a receiver up
    later is not told the whole past. Of the alarms since a version came into production only those
    are told that name a stream which none before did: traffic that has drifted stays drifted, and
    the tenth message about it helps nobody.
    """
    known = _Known()
    oldest = now - timedelta(seconds=GIVE_UP_S)
    for entry in entries:
        notice = _alarm(entry, sender, known) or _request(entry, sender, known)
        notice = notice or _promotion(entry, sender, known)
        if notice and entry.at >= oldest:
            yield notice


def announce(ports: LoopPorts) -> None:
    """Put everything worth saying into the outbox, each once."""
    for key, message in notices(ports.ledger.read(), ports.sender, ports.clock.now()):
        ports.outbox.enqueue(key, message)


def _alarm(entry: Entry, sender: MessageContext, known: _Known) -> Notice | None:
    event = entry.event
    match event:
        case DriftDetected():
            is_new = not known.alarmed.issuperset(event.streams)
            known.alarmed.update(event.streams)
            if is_new:
                return f"drift/{entry.sequence}", messages.drift_detected(sender, event)
        case DegradationDetected() if event.metric not in known.degraded:
            known.degraded.add(event.metric)
            return f"degradation/{entry.sequence}", messages.degradation_detected(sender, event)
        case DatasetVersionAdded(state=VersionState.QUARANTINED):
            key = f"quarantine/{event.dataset}/{event.version}"
            return key, messages.quarantined(sender, event)
        case _:
            pass
    return None


def _request(entry: Entry, sender: MessageContext, known: _Known) -> Notice | None:
    event = entry.event
    match event:
        case TriggerReceived():
            known.received[event.trigger] = event
        case TriggerDecided(decision=TriggerDecision.HELD) if event.trigger in known.received:
            proposal = proposed(known.received[event.trigger])
            told = messages.trigger_held(sender, proposal, event.reason)
            return f"held/{event.trigger}", told
        case _:
            pass
    return None


def _promotion(entry: Entry, sender: MessageContext, known: _Known) -> Notice | None:
    """However it was begun: by the loop, by a command, or by a rollback."""
    event = entry.event
    match event:
        case VersionRegistered():
            known.metrics[event.version] = event.metrics
        case SlotAssigned(slot=Slot.PRODUCTION):
            known.reasons[event.generation] = event.reason
        case PromotionCompleted():
            known.alarmed.clear()
            known.degraded.clear()
            reason = known.reasons.get(event.generation, "")
            if event.rollback:
                return f"returned/{event.generation}", messages.returned(sender, event, reason)
            metrics = known.metrics.get(event.version, {})
            return f"deployed/{event.generation}", messages.deployed(sender, event, metrics, reason)
        case PromotionReverted():
            return f"reverted/{event.generation}", messages.reverted(sender, event)
        case _:
            pass
    return None
