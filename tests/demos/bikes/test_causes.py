"""Retrainings of a replay, counted by what asked for them, and what has to come of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from retread.bundle import Cause, CauseKind
from retread.demos.bikes.causes import retrainings_by_cause
from retread.demos.bikes.closing import goals
from retread.registry.events import (
    DegradationDetected,
    DriftDetected,
    LedgerEvent,
    RetrainingFinished,
    RetrainingOutcome,
    TriggerReceived,
)
from retread.registry.ledger import Entry

ALARMS: tuple[LedgerEvent, ...] = (
    DegradationDetected(version=1, metric="MAE", expected=20, observed=40, labels=60),
    DriftDetected(
        version=1, detector="d", window=1, streams=(), evidence={}, effect={}, requests=168
    ),
)


def retraining(trigger: str, kind: CauseKind, outcome: str) -> tuple[LedgerEvent, LedgerEvent]:
    return (
        TriggerReceived(trigger=trigger, key=trigger, cause=Cause(kind=kind)),
        RetrainingFinished(trigger=trigger, outcome=RetrainingOutcome(outcome), reason=""),
    )


def entries_of(*events: LedgerEvent) -> list[Entry]:
    at = datetime(2012, 1, 1, tzinfo=UTC)
    return [Entry(n, at, event, "") for n, event in enumerate(events, start=1)]


STORY = (
    *ALARMS,
    *retraining("a", CauseKind.DEGRADATION, "promoted"),
    *retraining("b", CauseKind.DEGRADATION, "refused"),
    *retraining("c", CauseKind.DRIFT, "promoted"),
    TriggerReceived(trigger="d", key="d", cause=Cause(kind=CauseKind.SCHEDULE)),
)


def test_retrainings_count_when_they_have_ended() -> None:
    entries = entries_of(*STORY)
    assert retrainings_by_cause(entries) == Counter({CauseKind.DEGRADATION: 2, CauseKind.DRIFT: 1})
    assert retrainings_by_cause(entries, "promoted") == Counter(
        {CauseKind.DEGRADATION: 1, CauseKind.DRIFT: 1}
    )


def test_alarms_alone_close_the_loop() -> None:
    reached = goals(entries_of(*STORY), fixed=90, loop=54, year="2012")
    assert all(goal.reached for goal in reached)
    assert [goal.detail for goal in reached] == [
        "1 of degradation, 1 of drift",
        "2 for degradation, 1 for drift",
        "2 of 3: 1 for degradation, 1 for drift",
        "54.0 against 90.0 in 2012: 60%",
    ]


@pytest.mark.parametrize("kind", [CauseKind.SCHEDULE, CauseKind.MANUAL, CauseKind.NEW_DATA])
def test_a_retraining_that_a_calendar_or_a_person_asked_for_does_not(kind: CauseKind) -> None:
    entries = entries_of(*STORY, *retraining("e", kind, "promoted"))
    missed = [g.what for g in goals(entries, fixed=90, loop=40, year="2012") if not g.reached]
    assert missed == ["alarms, and nothing else, asked for retrainings"]


def test_without_alarms_nothing_is_reached_but_the_error() -> None:
    missed = [g.what for g in goals([], fixed=90, loop=55, year="2012") if not g.reached]
    assert len(missed) == 4
