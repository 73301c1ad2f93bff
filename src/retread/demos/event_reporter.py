"""Report each new event of the ledger, once, as a sentence with its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from retread.app.overview import describe_event
from retread.core import Outcome, format_metrics
from retread.core.listed import listed
from retread.data.traffic_source import is_traffic
from retread.demos.reporter import Level, Reporter
from retread.loop.messages import describe_odds
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    CanaryOutcome,
    CanaryStarted,
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    Event,
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    PromotionReverted,
    RetrainingFinished,
    RetrainingOutcome,
    Slot,
    SlotAssigned,
    SlotCleared,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
    VersionStaged,
)
from retread.registry.ledger import Entry, Ledger

SHOWN_METRICS = ("Accuracy", "F1", "MAE", "R2")
"""Metrics that the report and the results show."""

_MAX_STREAMS = 4
_DECISIVE_CHECKS = ("comparison", "threshold", "quality")

EventType = TypeVar("EventType", bound=Event)


class EventReporter:
    """Remembers how far the ledger was reported; `entries` are those read so far."""

    def __init__(self, ledger: Ledger, reporter: Reporter) -> None:
        self._ledger = ledger
        self._reporter = reporter
        self.entries: list[Entry] = []

    def report_new(self) -> tuple[LedgerEvent, ...]:
        """Report the events that were appended since the last call, and return them."""
        last = self.entries[-1].sequence if self.entries else 0
        new = self._ledger.read(after=last)
        for entry in new:
            sentence = None if is_repeated(entry, self.entries) else describe(entry.event)
            if sentence and isinstance(entry.event, TriggerDecided):
                sentence = f"{sentence} {_cause(entry.event, self.entries)}".rstrip()
            if sentence:
                self._reporter.report(sentence, level_of(entry.event))
            self.entries.append(entry)
        return tuple(entry.event for entry in new)


def events_of(entries: Iterable[Entry], kind: type[EventType]) -> tuple[EventType, ...]:
    """Return all events of one type, in order."""
    return tuple(entry.event for entry in entries if isinstance(entry.event, kind))


def is_repeated(entry: Entry, before: Iterable[Entry]) -> bool:
    """Return whether an entry is an alarm of a type that this version has raised before."""
    event = entry.event
    return isinstance(event, DriftDetected | DegradationDetected) and any(
        type(other.event) is type(event) and other.event.version == event.version
        for other in before
        if isinstance(other.event, DriftDetected | DegradationDetected)
    )


def describe(event: LedgerEvent) -> str | None:
    """Describe an event in a sentence with its numbers; None if it only repeats another event."""
    match event:
        case SlotAssigned() | SlotCleared() | VersionStaged() | CanaryStarted():
            # The result of a promotion says more than its intent; shares of a canary matter.
            is_canary = isinstance(event, SlotAssigned) and event.slot is Slot.CANARY
            return describe_event(event) if is_canary else None
        case TriggerReceived():
            return None
        case DatasetVersionAdded():
            if is_traffic(event.source):
                return f"Labelled traffic became {event.dataset}@{event.version}: {event.state}."
            return describe_event(event)
        case TriggerDecided():
            return _decision(event)
        case VersionRegistered():
            return f"{describe_event(event)} {format_metrics(event.metrics, SHOWN_METRICS)}"
        case DriftDetected():
            return _drift(event)
        case GateJudged() | CanaryJudged():
            return _verdict(event)
        case _:
            return describe_event(event)


def level_of(event: LedgerEvent) -> Level:
    """Return whether an event is good news, an alarm, or neither."""
    match event:
        case DriftDetected() | DegradationDetected() | PromotionReverted():
            return Level.ALARM
        case PromotionCompleted(rollback=rollback):
            return Level.ALARM if rollback else Level.SUCCESS
        case GateJudged() | CanaryJudged():
            return Level.SUCCESS if event.verdict.outcome is Outcome.PASS else Level.ALARM
        case CanaryFinished(outcome=outcome) | RetrainingFinished(outcome=outcome):
            promoted = {CanaryOutcome.PROMOTED, RetrainingOutcome.PROMOTED}
            return Level.SUCCESS if outcome in promoted else Level.ALARM
        case _:
            return Level.INFO


def _decision(event: TriggerDecided) -> str | None:
    match event.decision:
        case TriggerDecision.ACCEPTED:
            return "The arbiter starts a retraining:"
        case TriggerDecision.HELD | TriggerDecision.REFUSED:
            return f"Arbiter: {event.decision}. {event.reason}"
        case _:
            return None


def _cause(event: TriggerDecided, before: Iterable[Entry]) -> str:
    for received in events_of(before, TriggerReceived):
        if received.trigger == event.trigger:
            return f"{received.cause.detail or received.cause.kind}."
    return ""


def _drift(event: DriftDetected) -> str:
    streams = sorted(event.streams, key=lambda name: -event.effect.get(name, 0.0))
    shown = listed(
        (f"{name} ({event.effect.get(name, 0.0):.2f})" for name in streams), _MAX_STREAMS
    )
    odds = describe_odds(max(event.evidence.values(), default=0.0))
    return (
        f"ALARM: the traffic of version {event.version} has drifted, after {event.requests:,} "
        f"requests. Effect sizes: {shown}; {odds}."
    )


def _verdict(event: GateJudged | CanaryJudged) -> str:
    """Describe the checks that did not pass, or the comparison that did."""
    checks = event.verdict.checks
    not_passed = [check for check in checks if check.outcome is not Outcome.PASS]
    decisive = not_passed or [check for check in checks if check.check in _DECISIVE_CHECKS]
    reasons = " ".join(f"{check.check}: {check.reason.rstrip('.')}." for check in decisive)
    judge = "Gate" if isinstance(event, GateJudged) else f"Canary at {event.share:.0%}"
    passed = f"{len(checks) - len(not_passed)} of {len(checks)} checks pass"
    return f"{judge}, version {event.version}: {event.verdict.outcome.upper()}, {passed}. {reasons}"
