"""Each event of the ledger as a sentence."""

from __future__ import annotations

from functools import singledispatch

from retread.core import Verdict
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


@singledispatch
def describe_event(event: Event) -> str:
    """What happened, as a sentence; an event nobody described is named."""
    return f"{type(event).__name__}."


@describe_event.register
def _(event: DatasetVersionAdded) -> str:
    return f"Data {event.dataset}@{event.version} was added from {event.source}: {event.state}."


@describe_event.register
def _(event: DatasetVersionReleased) -> str:
    return f"Data {event.dataset}@{event.version} was released: {event.reason}."


@describe_event.register
def _(event: VersionRegistered) -> str:
    data = f"{event.dataset}@{event.dataset_version}"
    return f"Version {event.version} ({event.model_type}, {data}) was registered."


@describe_event.register
def _(event: GateJudged) -> str:
    against = f"production {event.production}" if event.production else "no production"
    return f"Gate: version {event.version} against {against}: {judged(event.verdict)}"


@describe_event.register
def _(event: GateOverridden) -> str:
    return f"Version {event.version} was let past the gate by hand: {event.reason}."


@describe_event.register
def _(event: VersionStaged) -> str:
    why = f" for its {event.metric}" if event.metric else ""
    return f"Version {event.version} was staged{why}."


@describe_event.register
def _(event: VersionArchived) -> str:
    return f"Version {event.version} was archived: {event.reason}."


@describe_event.register
def _(event: SlotAssigned) -> str:
    share = f" for {event.share:.0%} of traffic" if event.share < 1 else ""
    return f"Version {event.version} goes to {event.slot}{share} (generation {event.generation})."


@describe_event.register
def _(event: SlotCleared) -> str:
    return f"{event.slot.capitalize()} was cleared (generation {event.generation}): {event.reason or 'done'}."


@describe_event.register
def _(event: PromotionCompleted) -> str:
    verb = "Rolled back to" if event.rollback else "Production is now"
    before = f", before it {event.previous}" if event.previous else ""
    return f"{verb} version {event.version}{before} (generation {event.generation})."


@describe_event.register
def _(event: PromotionReverted) -> str:
    return f"Promotion of version {event.version} was reverted: {event.reason}."


@describe_event.register
def _(event: TriggerReceived) -> str:
    return f"Retraining was asked for ({event.cause.kind}): {event.cause.detail or 'no reason'}."


@describe_event.register
def _(event: TriggerDecided) -> str:
    return f"Arbiter: {event.decision}: {event.reason}"


@describe_event.register
def _(event: RetrainingStarted) -> str:
    return f"Retraining on {event.dataset}@{event.dataset_version} began."


@describe_event.register
def _(event: RetrainingFinished) -> str:
    return f"Retraining ended, {event.outcome}: {event.reason}"


@describe_event.register
def _(event: CanaryStarted) -> str:
    return f"Version {event.version} is tried beside production {event.production}."


@describe_event.register
def _(event: CanaryJudged) -> str:
    return f"Canary: version {event.version} at {event.share:.0%}: {judged(event.verdict)}"


@describe_event.register
def _(event: CanaryFinished) -> str:
    return f"Canary of version {event.version} ended, {event.outcome}: {event.reason}"


@describe_event.register
def _(event: DriftDetected) -> str:
    streams = ", ".join(event.streams)
    return f"Drift under version {event.version}, window {event.window}: {streams}."


@describe_event.register
def _(event: DegradationDetected) -> str:
    return (
        f"{event.metric} of version {event.version} is {event.observed:.3g} on {event.labels} "
        f"labels; {event.expected:.3g} was expected."
    )


def judged(verdict: Verdict) -> str:
    """A verdict with the reasons it is not a pass."""
    return f"{verdict.outcome}. {' '.join(verdict.reasons)}".strip()
