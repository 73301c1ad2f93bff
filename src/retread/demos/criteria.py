"""Judge from the ledger whether a demo of a classifier showed what it is for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from retread.bundle import CauseKind
from retread.core import Outcome
from retread.demos.comparison import Comparison
from retread.demos.event_reporter import events_of
from retread.registry import fold
from retread.registry.events import (
    AlarmEvent,
    CanaryFinished,
    CanaryOutcome,
    DegradationDetected,
    DriftDetected,
    GateJudged,
    PromotionCompleted,
    RetrainingFinished,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry

_CAUSES: dict[type[AlarmEvent], CauseKind] = {
    DriftDetected: CauseKind.DRIFT,
    DegradationDetected: CauseKind.DEGRADATION,
}


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a demo must show; `detail` says how it did, or what happened instead."""

    name: str
    met: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOnset:
    """When the traffic changed: after entry `sequence` of the ledger and `requests` requests, all
    of them labelled, while `version` was in production."""

    sequence: int
    requests: int
    version: int


def all_met(criteria: Iterable[Criterion]) -> bool:
    """Return whether there are criteria, and all are met."""
    met = [criterion.met for criterion in criteria]
    return bool(met) and all(met)


def judge_demo(
    entries: Sequence[Entry], things: str, onset: DriftOnset, compared: Comparison | None
) -> tuple[Criterion, ...]:
    """Judge that unchanged traffic raised no alarm, and changed traffic led to a better model.

    Args:
        entries: The whole ledger.
        things: What the samples are, in the plural.
        onset: When the traffic changed.
        compared: The old and the new version; None if no new version is in production.
    """
    versions = versions_after_alarm(entries, onset)
    return (
        _no_false_alarm(entries, things, onset),
        _alarm(entries, things, onset),
        _retraining(entries, onset),
        _gate(entries, versions),
        _canary(entries, versions),
        _promoted(entries, versions),
        _better(things, compared),
    )


def false_alarms(entries: Sequence[Entry], onset: DriftOnset) -> tuple[AlarmEvent, ...]:
    """Return the alarms about `onset.version` that only unchanged traffic can have caused, however
    late they came."""
    return tuple(a for entry, a in _alarms(entries, onset) if _precedes(entry, a, onset))


def true_alarms(entries: Sequence[Entry], onset: DriftOnset) -> tuple[AlarmEvent, ...]:
    """Return the alarms about `onset.version` that changed traffic contributed to."""
    return tuple(alarm for _, alarm in _true_alarms(entries, onset))


def triggers_after_alarm(
    entries: Sequence[Entry], onset: DriftOnset
) -> tuple[TriggerReceived, ...]:
    """Return the accepted triggers that follow a true alarm of their own kind."""
    accepted = {
        d.trigger
        for d in events_of(entries, TriggerDecided)
        if d.decision is TriggerDecision.ACCEPTED
    }
    alarms = _true_alarms(entries, onset)
    found = []
    for entry in entries:
        received = entry.event
        if not isinstance(received, TriggerReceived) or received.trigger not in accepted:
            continue
        before = [alarm for at, alarm in alarms if at.sequence < entry.sequence]
        if any(_CAUSES[type(alarm)] == received.cause.kind for alarm in before):
            found.append(received)
    return tuple(found)


def versions_after_alarm(entries: Sequence[Entry], onset: DriftOnset) -> frozenset[int]:
    """Return the model versions that those triggers led to."""
    triggers = {received.trigger for received in triggers_after_alarm(entries, onset)}
    registered = events_of(entries, VersionRegistered)
    return frozenset(event.version for event in registered if event.cause.trigger in triggers)


def _alarms(entries: Sequence[Entry], onset: DriftOnset) -> list[tuple[Entry, AlarmEvent]]:
    return [
        (entry, entry.event)
        for entry in entries
        if isinstance(entry.event, AlarmEvent) and entry.event.version == onset.version
    ]


def _true_alarms(entries: Sequence[Entry], onset: DriftOnset) -> list[tuple[Entry, AlarmEvent]]:
    return [(e, alarm) for e, alarm in _alarms(entries, onset) if not _precedes(e, alarm, onset)]


def _precedes(entry: Entry, alarm: AlarmEvent, onset: DriftOnset) -> bool:
    # The monitor lags behind: an alarm after the change may be about traffic from before it.
    seen = alarm.requests if isinstance(alarm, DriftDetected) else alarm.labels
    return entry.sequence <= onset.sequence or seen <= onset.requests


def _no_false_alarm(entries: Sequence[Entry], things: str, onset: DriftOnset) -> Criterion:
    alarms = false_alarms(entries, onset)
    return Criterion(
        name="unchanged traffic raises no alarm",
        met=not alarms,
        detail=f"{onset.requests} {things}, {len(alarms)} alarms",
    )


def _alarm(entries: Sequence[Entry], things: str, onset: DriftOnset) -> Criterion:
    alarms = true_alarms(entries, onset)
    detail = _alarm_detail(alarms[0], things, onset) if alarms else "no alarm"
    return Criterion(name="changed traffic raises an alarm", met=bool(alarms), detail=detail)


def _alarm_detail(alarm: AlarmEvent, things: str, onset: DriftOnset) -> str:
    if isinstance(alarm, DegradationDetected):
        return f"{alarm.metric} fell from {alarm.expected:.3g} to {alarm.observed:.3g}"
    streams = ", ".join(alarm.streams[:3])
    return f"after {alarm.requests - onset.requests} changed {things}: {streams}"


def _retraining(entries: Sequence[Entry], onset: DriftOnset) -> Criterion:
    triggers = triggers_after_alarm(entries, onset)
    detail = f"{triggers[0].cause.kind}: {triggers[0].cause.detail}" if triggers else "none"
    return Criterion(name="the alarm triggers a retraining", met=bool(triggers), detail=detail)


def _gate(entries: Sequence[Entry], versions: frozenset[int]) -> Criterion:
    judged = [e for e in events_of(entries, GateJudged) if e.version in versions]
    passed = [e for e in judged if e.verdict.outcome is Outcome.PASS]
    detail = "no version was judged"
    if passed:
        detail = f"version {passed[-1].version} against version {passed[-1].production}"
    elif judged:
        detail = " ".join(judged[-1].verdict.reasons)
    return Criterion(name="the gate passes the new model", met=bool(passed), detail=detail)


def _canary(entries: Sequence[Entry], versions: frozenset[int]) -> Criterion:
    ends = [end for end in events_of(entries, CanaryFinished) if end.version in versions]
    return Criterion(
        name="the canary passes",
        met=any(end.outcome is CanaryOutcome.PROMOTED for end in ends),
        detail=f"{ends[-1].outcome}: {ends[-1].reason}" if ends else "there was no canary",
    )


def _promoted(entries: Sequence[Entry], versions: frozenset[int]) -> Criterion:
    production = fold(entries).production
    completed = {event.version for event in events_of(entries, PromotionCompleted)}
    ends = events_of(entries, RetrainingFinished)
    met = production in versions & completed
    detail = f"version {production} serves" if met else "the first version still serves"
    if ends and not met:
        detail = f"{ends[-1].outcome}: {ends[-1].reason}"
    return Criterion(name="the new model is promoted", met=met, detail=detail)


def _better(things: str, compared: Comparison | None) -> Criterion:
    name = "the new model is more accurate on unseen changed traffic"
    if compared is None:
        return Criterion(name=name, met=False, detail="there is no new version in production")
    return Criterion(
        name=name,
        met=compared.new_accuracy > compared.old_accuracy,
        detail=(
            f"on the same {compared.samples} {things}: version {compared.old} "
            f"{compared.old_accuracy:.1%}, version {compared.new} {compared.new_accuracy:.1%}"
        ),
    )
