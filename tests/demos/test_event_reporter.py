"""Events of the ledger in the report of a demo."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Database, Outcome, SystemClock, combine
from retread.demos.event_reporter import EventReporter, describe, level_of
from retread.demos.reporter import Level, PlainRenderer, Reporter
from retread.registry import SqlLedger
from retread.registry.events import (
    DriftDetected,
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    RetrainingFinished,
    RetrainingOutcome,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
)

GATE = GateJudged(
    version=2,
    production=1,
    evaluation_digest="sha256:00",
    verdict=combine(
        [
            CheckResult(check="comparison", outcome=Outcome.FAIL, reason="A loss of 0.31."),
            CheckResult(check="parity", outcome=Outcome.PASS, reason="Differs by 0."),
        ]
    ),
)
DRIFT = DriftDetected(
    version=1,
    detector="conformal",
    window=7,
    streams=("red", "brightness"),
    evidence={"red": 5.0, "brightness": 4.0},
    effect={"red": 0.4, "brightness": 1.2},
    requests=350,
)


def test_a_verdict_is_described_by_its_decisive_checks() -> None:
    assert describe(GATE) == (
        "Gate, version 2: FAIL, 1 of 2 checks pass. comparison: A loss of 0.31."
    )


def test_a_drift_names_the_largest_effect_first_and_the_odds() -> None:
    sentence = describe(DRIFT)
    assert sentence is not None
    assert sentence.index("brightness (1.20)") < sentence.index("red (0.40)")
    assert "odds 148 : 1" in sentence
    assert "350 requests" in sentence


@pytest.mark.parametrize(
    "event",
    [
        SlotAssigned(slot=Slot.PRODUCTION, version=2, bundle="b", generation=3),
        TriggerDecided(trigger="t", decision=TriggerDecision.COOLDOWN, reason="It lasts."),
    ],
)
def test_an_event_that_only_repeats_another_is_not_described(event: LedgerEvent) -> None:
    assert describe(event) is None


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (DRIFT, Level.ALARM),
        (GATE, Level.ALARM),
        (PromotionCompleted(version=2, previous=1, generation=4, servers=("s",)), Level.SUCCESS),
        (
            RetrainingFinished(trigger="t", outcome=RetrainingOutcome.ROLLED_BACK, reason="worse"),
            Level.ALARM,
        ),
        (SlotAssigned(slot=Slot.CANARY, version=2, bundle="b", generation=3), Level.INFO),
    ],
)
def test_levels(event: LedgerEvent, level: Level) -> None:
    assert level_of(event) is level


def test_each_event_is_reported_once_and_a_repeated_alarm_not_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    ledger = SqlLedger(database, SystemClock())
    stream = io.StringIO()
    clock = SystemClock()
    events = EventReporter(ledger, Reporter(clock, PlainRenderer(stream, clock)))
    ledger.append(DRIFT)
    assert events.report_new() == (DRIFT,)
    ledger.append(GATE, DRIFT)
    assert events.report_new() == (GATE, DRIFT)
    assert events.report_new() == ()
    assert stream.getvalue().count("\n") == 2
    assert len(events.entries) == 3
    database.close()


def test_a_retraining_is_reported_with_its_cause(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    ledger = SqlLedger(database, SystemClock())
    clock = SystemClock()
    reporter = Reporter(clock, PlainRenderer(io.StringIO(), clock))
    cause = Cause(kind=CauseKind.DRIFT, detail="red drifted", trigger="t")
    ledger.append(
        TriggerReceived(trigger="t", key="k", cause=cause),
        TriggerDecided(trigger="t", decision=TriggerDecision.COOLDOWN, reason="It lasts."),
        TriggerDecided(trigger="t", decision=TriggerDecision.ACCEPTED, reason="It starts now."),
    )
    EventReporter(ledger, reporter).report_new()
    assert [entry.text for entry in reporter.entries] == [
        "The arbiter starts a retraining: red drifted."
    ]
    database.close()
