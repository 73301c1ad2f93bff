"""Events that people are told of, beside those of a retraining."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from retread.loop import messages
from retread.loop.messages import Sender
from retread.loop.proposal import proposed
from retread.notify import Message
from retread.registry.events import (
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    TriggerDecided,
    TriggerReceived,
)
from retread.registry.ledger import Entry


def notices(entries: Iterable[Entry], sender: Sender) -> Iterator[tuple[str, Message]]:
    """(key, message) of everything worth saying, oldest first.

    Of a version's alarms only those are told that name a stream which none before did: traffic
    that has drifted stays drifted, and the tenth message about it helps nobody.
    """
    alarmed: dict[int, set[str]] = {}
    degraded: set[tuple[int, str]] = set()
    received: dict[str, TriggerReceived] = {}
    for entry in entries:
        event = entry.event
        match event:
            case DriftDetected():
                known = alarmed.setdefault(event.version, set())
                if not known.issuperset(event.streams):
                    key = f"drift/{event.version}/{event.window}"
                    yield key, messages.drift_detected(sender, event)
                known.update(event.streams)
            case DegradationDetected() if (event.version, event.metric) not in degraded:
                degraded.add((event.version, event.metric))
                key = f"degradation/{event.version}/{event.metric}"
                yield key, messages.degradation_detected(sender, event)
            case DatasetVersionAdded(state="quarantined"):
                key = f"quarantine/{event.dataset}/{event.version}"
                yield key, messages.quarantined(sender, event)
            case TriggerReceived():
                received[event.trigger] = event
            case TriggerDecided(decision="held") if event.trigger in received:
                proposal = proposed(received[event.trigger])
                key = f"held/{event.trigger}"
                yield key, messages.trigger_held(sender, proposal, event.reason)
            case _:
                pass
