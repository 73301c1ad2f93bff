"""From the ledger into the story: each new event is told, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, log

from retread.app.overview import describe_event
from retread.core import Outcome
from retread.demos.story import Story, Tone
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    CanaryStarted,
    DegradationDetected,
    DriftDetected,
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    PromotionReverted,
    RetrainingFinished,
    SlotAssigned,
    SlotCleared,
    TriggerDecided,
    TriggerReceived,
    VersionRegistered,
    VersionStaged,
)
from retread.registry.ledger import Entry, Ledger

_NAMED = 4
_MANY = 1e6
_DECISIVE = ("comparison", "threshold", "quality")


class Narrator:
    """Remembers how far the ledger was told; `entries` are those it has seen."""

    def __init__(self, ledger: Ledger, story: Story) -> None:
        self._ledger = ledger
        self._story = story
        self.entries: list[Entry] = []

    def catch_up(self) -> tuple[LedgerEvent, ...]:
        """Tell what is new, and return it."""
        last = self.entries[-1].sequence if self.entries else 0
        new = self._ledger.read(after=last)
        for entry in new:
            if not is_repeated(entry, self.entries):
                self._tell(entry.event)
            self.entries.append(entry)
        return tuple(entry.event for entry in new)

    def _tell(self, event: LedgerEvent) -> None:
        sentence = told(event)
        if isinstance(event, TriggerDecided) and sentence:
            sentence = f"{sentence} {_cause(event, self.entries)}"
        if sentence:
            self._story.say(sentence, tone_of(event))


def is_repeated(entry: Entry, before: Iterable[Entry]) -> bool:
    """Whether an entry is an alarm of a kind that this version has raised before."""
    event = entry.event
    return isinstance(event, DriftDetected | DegradationDetected) and any(
        type(other.event) is type(event) and other.event.version == event.version
        for other in before
        if isinstance(other.event, DriftDetected | DegradationDetected)
    )


def told(event: LedgerEvent) -> str:
    """The event as a sentence with its numbers; '' for what only repeats another event."""
    match event:
        case SlotAssigned() | SlotCleared() | VersionStaged() | CanaryStarted():
            # What is done says more than what is meant to be done; canary shares are worth it.
            canary = isinstance(event, SlotAssigned) and event.slot == "canary"
            return describe_event(event) if canary else ""
        case TriggerReceived():
            return ""
        case TriggerDecided():
            return _decided(event)
        case VersionRegistered():
            return f"{describe_event(event)} {figures(event.metrics)}"
        case DriftDetected():
            return _drift(event)
        case GateJudged() | CanaryJudged():
            return _judged(event)
        case _:
            return describe_event(event)


def tone_of(event: LedgerEvent) -> Tone:
    match event:
        case DriftDetected() | DegradationDetected() | PromotionReverted():
            return Tone.ALARM
        case PromotionCompleted(rollback=rollback):
            return Tone.ALARM if rollback else Tone.GOOD
        case GateJudged() | CanaryJudged():
            return _verdict_tone(event.verdict.outcome)
        case CanaryFinished() | RetrainingFinished():
            return Tone.GOOD if event.outcome == "promoted" else Tone.ALARM
        case _:
            return Tone.HAPPENING


def figures(values: Mapping[str, float]) -> str:
    """
    >>> figures({"Accuracy": 0.91666, "MAE": 41.0})
    'Accuracy 0.917, MAE 41'
    """
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _decided(event: TriggerDecided) -> str:
    match event.decision:
        case "accepted":
            return "The arbiter lets a retraining begin:"
        case "held" | "refused":
            return f"The arbiter: {event.decision}. {event.reason}"
        case _:
            return ""


def _cause(event: TriggerDecided, before: Iterable[Entry]) -> str:
    for entry in before:
        asked = entry.event
        if isinstance(asked, TriggerReceived) and asked.trigger == event.trigger:
            return f"{asked.cause.detail or asked.cause.kind}."
    return ""


def _drift(event: DriftDetected) -> str:
    named = sorted(event.streams, key=lambda name: -event.effect.get(name, 0.0))
    shown = ", ".join(f"{name} ({event.effect.get(name, 0.0):.2f})" for name in named[:_NAMED])
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return (
        f"ALARM: the traffic of version {event.version} has changed after {event.requests:,} "
        f"requests: {shown}{more} (sizes of the effect); {_odds(event)}."
    )


def _odds(event: DriftDetected) -> str:
    """The evidence is a logarithm, as odds soon leave every scale."""
    strongest = max(event.evidence.values(), default=0.0)
    if strongest > log(_MANY):
        return "odds of more than a million to 1"
    return f"odds of {exp(strongest):,.0f} to 1"


def _judged(event: GateJudged | CanaryJudged) -> str:
    """What was decisive: the reasons against, or the comparison that was passed."""
    checks = event.verdict.checks
    open_ = [check for check in checks if check.outcome is not Outcome.PASS]
    decisive = open_ or [check for check in checks if check.check in _DECISIVE]
    reasons = " ".join(f"{check.check}: {check.reason.rstrip('.')}." for check in decisive)
    who = "Gate" if isinstance(event, GateJudged) else f"Canary at {event.share:.0%}"
    passed = f"{len(checks) - len(open_)} of {len(checks)} checks pass"
    return f"{who}, version {event.version}: {event.verdict.outcome.upper()}, {passed}. {reasons}"


def _verdict_tone(outcome: Outcome) -> Tone:
    return Tone.GOOD if outcome is Outcome.PASS else Tone.ALARM
