"""Describe each ledger event in a sentence."""

from __future__ import annotations

from functools import singledispatch

from retread.core import Verdict, format_metric
from retread.core.visible_text import visible
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    CanaryStarted,
    DatasetVersionAdded,
    DatasetVersionReleased,
    DegradationDetected,
    DriftDetected,
    Event,
    GateJudged,
    GateOverridden,
    PromotionCompleted,
    PromotionReverted,
    RetrainingFinished,
    RetrainingStarted,
    SlotAssigned,
    SlotCleared,
    TriggerDecided,
    TriggerReceived,
    VersionArchived,
    VersionRegistered,
    VersionStaged,
)


def describe_event(event: Event) -> str:
    """Describe an event in a sentence, on one line; an unknown one by its name."""
    return visible(_sentence(event))


@singledispatch
def _sentence(event: Event) -> str:
    return f"{type(event).__name__}."


@_sentence.register
def _(event: DatasetVersionAdded) -> str:
    data = f"{event.dataset}@{event.version}"
    return f"Dataset version {data} was added from {event.source}: {event.state}."


@_sentence.register
def _(event: DatasetVersionReleased) -> str:
    data = f"{event.dataset}@{event.version}"
    return f"Dataset version {data} was released from quarantine{_because(event.reason)}."


@_sentence.register
def _(event: VersionRegistered) -> str:
    data = f"{event.dataset}@{event.dataset_version}"
    return f"Version {event.version} ({event.model_type}, {data}) was registered."


@_sentence.register
def _(event: GateJudged) -> str:
    against = f"production version {event.production}" if event.production else "no production"
    return f"Gate: version {event.version} against {against}: {describe_verdict(event.verdict)}"


@_sentence.register
def _(event: GateOverridden) -> str:
    return f"The gate was overridden for version {event.version}{_because(event.reason)}."


@_sentence.register
def _(event: VersionStaged) -> str:
    why = f" as the best by {event.metric}" if event.metric else ""
    return f"Version {event.version} was staged{why}."


@_sentence.register
def _(event: VersionArchived) -> str:
    return f"Version {event.version} was archived{_because(event.reason)}."


@_sentence.register
def _(event: SlotAssigned) -> str:
    share = f" for {event.share:.0%} of traffic" if event.share < 1 else ""
    slot = f"{event.slot}{share} (generation {event.generation})"
    return f"Version {event.version} was assigned to {slot}."


@_sentence.register
def _(event: SlotCleared) -> str:
    slot = event.slot.capitalize()
    return f"{slot} was cleared (generation {event.generation}){_because(event.reason)}."


@_sentence.register
def _(event: PromotionCompleted) -> str:
    verb = "was rolled back to" if event.rollback else "is now"
    before = f", replacing version {event.previous}" if event.previous else ""
    return f"Production {verb} version {event.version}{before} (generation {event.generation})."


@_sentence.register
def _(event: PromotionReverted) -> str:
    return f"Promotion of version {event.version} was reverted{_because(event.reason)}."


@_sentence.register
def _(event: TriggerReceived) -> str:
    return f"Retraining was requested ({event.cause.kind}){_because(event.cause.detail)}."


@_sentence.register
def _(event: TriggerDecided) -> str:
    return f"Arbiter: {event.decision}: {event.reason}"


@_sentence.register
def _(event: RetrainingStarted) -> str:
    return f"Retraining on {event.dataset}@{event.dataset_version} started."


@_sentence.register
def _(event: RetrainingFinished) -> str:
    return f"Retraining finished ({event.outcome}): {event.reason}"


@_sentence.register
def _(event: CanaryStarted) -> str:
    return f"Canary of version {event.version} against production {event.production} started."


@_sentence.register
def _(event: CanaryJudged) -> str:
    verdict = describe_verdict(event.verdict)
    return f"Canary: version {event.version} at {event.share:.0%}: {verdict}"


@_sentence.register
def _(event: CanaryFinished) -> str:
    return f"Canary of version {event.version} finished ({event.outcome}): {event.reason}"


@_sentence.register
def _(event: DriftDetected) -> str:
    streams = ", ".join(event.streams)
    return f"Drift was detected for version {event.version} in window {event.window}: {streams}."


@_sentence.register
def _(event: DegradationDetected) -> str:
    return (
        f"{event.metric} of version {event.version} is {format_metric(event.observed)} on "
        f"{event.labels} labelled predictions; {format_metric(event.expected)} was expected."
    )


def describe_verdict(verdict: Verdict) -> str:
    """Describe a verdict, with the reasons why it is not a pass."""
    return f"{verdict.outcome}. {' '.join(verdict.reasons)}".strip()


def _because(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""
