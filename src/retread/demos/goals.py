"""What has to happen in the tires demo for the loop to be closed."""

from __future__ import annotations

from collections.abc import Sequence

from retread.demos.moments import events_of
from retread.demos.scores import Scores
from retread.demos.summary import Goal
from retread.registry import fold
from retread.registry.events import (
    CanaryFinished,
    DegradationDetected,
    DriftDetected,
    GateJudged,
    PromotionCompleted,
    RetrainingFinished,
    TriggerDecided,
)
from retread.registry.ledger import Entry


def goals(entries: Sequence[Entry], scores: Scores, kinds: tuple[str, str]) -> tuple[Goal, ...]:
    """Quiet traffic is left alone; changed traffic leads to a new model that is better.

    `kinds` name quiet and changed traffic in `scores`.
    """
    quiet, changed = kinds
    sent = sum(scores.of(quiet, version).count for version in scores.versions())
    return (
        _quiet(entries, sent),
        _alarm(entries, sent),
        _asked(entries),
        _gate(entries),
        _canary(entries),
        _promoted(entries),
        _better(entries, scores, changed),
    )


def _quiet(entries: Sequence[Entry], sent: int) -> Goal:
    early = [e for e in _drifts_of_first(entries) if e.requests <= sent]
    detail = f"{sent} photos, {len(early)} alarms"
    return Goal(what="quiet traffic raises no alarm", reached=not early, detail=detail)


def _alarm(entries: Sequence[Entry], sent: int) -> Goal:
    drifts = [e for e in _drifts_of_first(entries) if e.requests > sent]
    degradations = events_of(entries, DegradationDetected)
    detail = "none came"
    if drifts:
        streams = ", ".join(drifts[0].streams[:3])
        detail = f"after {drifts[0].requests - sent} changed photos: {streams}"
    elif degradations:
        detail = f"{degradations[0].metric} fell to {degradations[0].observed:.3g}"
    reached = bool(drifts or degradations)
    return Goal(what="changed traffic raises an alarm", reached=reached, detail=detail)


def _asked(entries: Sequence[Entry]) -> Goal:
    accepted = [d for d in events_of(entries, TriggerDecided) if d.decision == "accepted"]
    detail = f"trigger {accepted[0].trigger}" if accepted else "the arbiter accepted nothing"
    return Goal(what="the alarm leads to a retraining", reached=bool(accepted), detail=detail)


def _gate(entries: Sequence[Entry]) -> Goal:
    verdicts = [e for e in events_of(entries, GateJudged) if e.production]
    passed = [e for e in verdicts if e.verdict.outcome == "pass"]
    detail = " ".join(verdicts[-1].verdict.reasons) if verdicts and not passed else ""
    if passed:
        detail = f"version {passed[-1].version} against {passed[-1].production}"
    what = "the gate passes the new model"
    return Goal(what=what, reached=bool(passed), detail=detail or "there was none to judge")


def _canary(entries: Sequence[Entry]) -> Goal:
    ends = events_of(entries, CanaryFinished)
    reached = any(end.outcome == "promoted" for end in ends)
    detail = f"{ends[-1].outcome}: {ends[-1].reason}" if ends else "there was no canary"
    return Goal(what="the canary proves it on traffic", reached=reached, detail=detail)


def _promoted(entries: Sequence[Entry]) -> Goal:
    promotions = events_of(entries, PromotionCompleted)
    ends = events_of(entries, RetrainingFinished)
    reached = len(promotions) > 1 and fold(entries).production == promotions[-1].version
    detail = f"version {promotions[-1].version} serves" if reached else "the first one still serves"
    if ends and not reached:
        detail = f"{ends[-1].outcome}: {ends[-1].reason}"
    return Goal(what="it goes into production", reached=reached, detail=detail)


def _better(entries: Sequence[Entry], scores: Scores, changed: str) -> Goal:
    before, after = scores.of(changed, 1), scores.of(changed, fold(entries).production)
    reached = fold(entries).production > 1 and after.mean > before.mean
    detail = f"{before.mean:.1%} of changed photos right before, {after.mean:.1%} after"
    return Goal(what="it is better at the changed traffic", reached=reached, detail=detail)


def _drifts_of_first(entries: Sequence[Entry]) -> tuple[DriftDetected, ...]:
    """Requests are counted anew for each version; quiet traffic is the first one's."""
    return tuple(e for e in events_of(entries, DriftDetected) if e.version == 1)
