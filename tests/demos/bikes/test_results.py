"""Retrainings of a replay by their cause, monthly errors, and the criteria."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from retread.bundle import Cause, CauseKind
from retread.demos.bikes.results import (
    FIXED,
    LOOP,
    MonthlyErrors,
    judge_bikes,
    retrainings_by_cause,
)
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


def retraining(
    trigger: str, kind: CauseKind, outcome: RetrainingOutcome
) -> tuple[LedgerEvent, LedgerEvent]:
    return (
        TriggerReceived(trigger=trigger, key=trigger, cause=Cause(kind=kind)),
        RetrainingFinished(trigger=trigger, outcome=outcome, reason=""),
    )


def entries_of(*events: LedgerEvent) -> list[Entry]:
    at = datetime(2012, 1, 1, tzinfo=UTC)
    return [Entry(n, at, event, "") for n, event in enumerate(events, start=1)]


LEDGER = (
    *ALARMS,
    *retraining("a", CauseKind.DEGRADATION, RetrainingOutcome.PROMOTED),
    *retraining("b", CauseKind.DEGRADATION, RetrainingOutcome.REFUSED),
    *retraining("c", CauseKind.DRIFT, RetrainingOutcome.PROMOTED),
    TriggerReceived(trigger="d", key="d", cause=Cause(kind=CauseKind.SCHEDULE)),
)


def test_retrainings_count_when_they_have_finished() -> None:
    entries = entries_of(*LEDGER)
    assert retrainings_by_cause(entries) == Counter({CauseKind.DEGRADATION: 2, CauseKind.DRIFT: 1})
    assert retrainings_by_cause(entries, RetrainingOutcome.PROMOTED) == Counter(
        {CauseKind.DEGRADATION: 1, CauseKind.DRIFT: 1}
    )


def test_alarms_alone_meet_every_criterion() -> None:
    criteria = judge_bikes(entries_of(*LEDGER), fixed=90, loop=54, year="2012")
    assert all(criterion.met for criterion in criteria)
    assert [criterion.detail for criterion in criteria] == [
        "1 of degradation, 1 of drift",
        "2 for degradation, 1 for drift",
        "2 of 3: 1 for degradation, 1 for drift",
        "54.0 against 90.0 in 2012: 60%",
    ]


@pytest.mark.parametrize("kind", [CauseKind.SCHEDULE, CauseKind.MANUAL, CauseKind.NEW_DATA])
def test_a_retraining_with_another_cause_fails_a_criterion(kind: CauseKind) -> None:
    entries = entries_of(*LEDGER, *retraining("e", kind, RetrainingOutcome.PROMOTED))
    missed = [c.name for c in judge_bikes(entries, fixed=90, loop=40, year="2012") if not c.met]
    assert missed == ["only alarms triggered retrainings"]


def test_without_alarms_only_the_error_can_be_met() -> None:
    missed = [c.name for c in judge_bikes([], fixed=90, loop=55, year="2012") if not c.met]
    assert len(missed) == 4


def test_a_year_is_the_mean_of_its_months_however_many_hours_they_have() -> None:
    errors = MonthlyErrors()
    for hour in range(3):
        errors.add(datetime(2012, 1, 1, hour, tzinfo=UTC), truth=10.0, fixed=20.0, loop=11.0)
    errors.add(datetime(2012, 2, 1, tzinfo=UTC), truth=10.0, fixed=40.0, loop=15.0)
    assert errors.months() == ("2012-01", "2012-02")
    assert errors.mean(errors.months()) == pytest.approx((20.0, 3.0))
    assert [(row.traffic, row.model, row.mean, row.predictions) for row in errors.rows()][:2] == [
        ("2012-01", FIXED, 10.0, 3),
        ("2012-01", LOOP, 1.0, 3),
    ]
