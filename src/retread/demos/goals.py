"""What has to happen in a demo with labels for the loop to be closed."""

from __future__ import annotations

from collections.abc import Sequence

from retread.demos.alarms import (
    Alarm,
    Turn,
    asked_by_alarm,
    false_alarms,
    made_by_alarm,
    true_alarms,
)
from retread.demos.comparison import Comparison
from retread.demos.moments import events_of
from retread.demos.summary import Goal
from retread.registry import fold
from retread.registry.events import (
    CanaryFinished,
    DegradationDetected,
    GateJudged,
    PromotionCompleted,
    RetrainingFinished,
)
from retread.registry.ledger import Entry


def goals(
    entries: Sequence[Entry], things: str, turn: Turn, compared: Comparison | None
) -> tuple[Goal, ...]:
    """Quiet traffic is left alone; changed traffic leads to a new model that is better.

    `things` are what is asked about; `compared` is None while no new version serves.
    """
    made = made_by_alarm(entries, turn)
    return (
        _quiet(entries, things, turn),
        _alarm(entries, things, turn),
        _asked(entries, turn),
        _gate(entries, made),
        _canary(entries, made),
        _promoted(entries, made),
        _better(things, compared),
    )


def _quiet(entries: Sequence[Entry], things: str, turn: Turn) -> Goal:
    early = false_alarms(entries, turn)
    detail = f"{turn.quiet} {things}, {len(early)} alarms"
    return Goal(what="quiet traffic raises no alarm", reached=not early, detail=detail)


def _alarm(entries: Sequence[Entry], things: str, turn: Turn) -> Goal:
    late = true_alarms(entries, turn)
    detail = _noticed(late[0], things, turn) if late else "none came"
    return Goal(what="changed traffic raises an alarm", reached=bool(late), detail=detail)


def _noticed(alarm: Alarm, things: str, turn: Turn) -> str:
    if isinstance(alarm, DegradationDetected):
        return f"{alarm.metric} fell from {alarm.expected:.3g} to {alarm.observed:.3g}"
    streams = ", ".join(alarm.streams[:3])
    return f"after {alarm.requests - turn.quiet} changed {things}: {streams}"


def _asked(entries: Sequence[Entry], turn: Turn) -> Goal:
    asked = asked_by_alarm(entries, turn)
    detail = f"{asked[0].cause.kind}: {asked[0].cause.detail}" if asked else "to none"
    return Goal(what="the alarm leads to a retraining", reached=bool(asked), detail=detail)


def _gate(entries: Sequence[Entry], made: frozenset[int]) -> Goal:
    verdicts = [e for e in events_of(entries, GateJudged) if e.version in made]
    passed = [e for e in verdicts if e.verdict.outcome == "pass"]
    detail = " ".join(verdicts[-1].verdict.reasons) if verdicts and not passed else ""
    if passed:
        detail = f"version {passed[-1].version} against {passed[-1].production}"
    what = "the gate passes the new model"
    return Goal(what=what, reached=bool(passed), detail=detail or "there was none to judge")


def _canary(entries: Sequence[Entry], made: frozenset[int]) -> Goal:
    ends = [end for end in events_of(entries, CanaryFinished) if end.version in made]
    reached = any(end.outcome == "promoted" for end in ends)
    detail = f"{ends[-1].outcome}: {ends[-1].reason}" if ends else "there was no canary"
    return Goal(what="the canary proves it on traffic", reached=reached, detail=detail)


def _promoted(entries: Sequence[Entry], made: frozenset[int]) -> Goal:
    production = fold(entries).production
    completed = {done.version for done in events_of(entries, PromotionCompleted)}
    ends = events_of(entries, RetrainingFinished)
    reached = production in made & completed
    detail = f"version {production} serves" if reached else "the first one still serves"
    if ends and not reached:
        detail = f"{ends[-1].outcome}: {ends[-1].reason}"
    return Goal(what="it goes into production", reached=reached, detail=detail)


def _better(things: str, compared: Comparison | None) -> Goal:
    what = "it is better at changed traffic that neither has seen"
    if compared is None:
        return Goal(what=what, reached=False, detail="there is no new one in production")
    detail = (
        f"of the same {compared.questions} {things}, version {compared.first} has "
        f"{compared.before:.1%} right, version {compared.then} {compared.after:.1%}"
    )
    return Goal(what=what, reached=compared.after > compared.before, detail=detail)
