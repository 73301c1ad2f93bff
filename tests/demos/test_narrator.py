"""Events of the ledger, as the story tells them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Database, Outcome, SystemClock, combine
from retread.demos.narrator import Narrator, told, tone_of
from retread.demos.story import Story, Tone
from retread.demos.tellers import PlainTeller
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


def test_a_verdict_is_told_with_what_decided_it() -> None:
    assert told(GATE) == ("Gate, version 2: FAIL, 1 of 2 checks pass. comparison: A loss of 0.31.")


def test_a_drift_names_the_largest_effect_first_and_the_odds() -> None:
    sentence = told(DRIFT)
    assert sentence.index("brightness (1.20)") < sentence.index("red (0.40)")
    assert "odds of 148 to 1" in sentence
    assert "350 requests" in sentence


@pytest.mark.parametrize(
    "event",
    [
        SlotAssigned(slot=Slot.PRODUCTION, version=2, bundle="b", generation=3),
        TriggerDecided(trigger="t", decision=TriggerDecision.COOLDOWN, reason="It lasts."),
    ],
)
def test_what_only_repeats_another_event_is_not_told(event: LedgerEvent) -> None:
    assert told(event) == ""


@pytest.mark.parametrize(
    ("event", "tone"),
    [
        (DRIFT, Tone.ALARM),
        (GATE, Tone.ALARM),
        (PromotionCompleted(version=2, previous=1, generation=4, servers=("s",)), Tone.GOOD),
        (
            RetrainingFinished(trigger="t", outcome=RetrainingOutcome.ROLLED_BACK, reason="worse"),
            Tone.ALARM,
        ),
        (SlotAssigned(slot=Slot.CANARY, version=2, bundle="b", generation=3), Tone.HAPPENING),
    ],
)
def test_tones(event: LedgerEvent, tone: Tone) -> None:
    assert tone_of(event) is tone


def test_each_event_is_told_once_and_an_alarm_not_again(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    ledger = SqlLedger(database, SystemClock())
    stream = io.StringIO()
    narrator = Narrator(ledger, Story(SystemClock(), PlainTeller(stream, SystemClock())))
    ledger.append(DRIFT)
    assert narrator.catch_up() == (DRIFT,)
    ledger.append(GATE, DRIFT)
    assert narrator.catch_up() == (GATE, DRIFT)
    assert narrator.catch_up() == ()
    assert stream.getvalue().count("\n") == 2
    assert len(narrator.entries) == 3
    database.close()


def test_a_retraining_is_told_with_its_cause(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    ledger = SqlLedger(database, SystemClock())
    story = Story(SystemClock(), PlainTeller(io.StringIO(), SystemClock()))
    cause = Cause(kind=CauseKind.DRIFT, detail="red drifted", trigger="t")
    ledger.append(
        TriggerReceived(trigger="t", key="k", cause=cause),
        TriggerDecided(trigger="t", decision=TriggerDecision.COOLDOWN, reason="It lasts."),
        TriggerDecided(trigger="t", decision=TriggerDecision.ACCEPTED, reason="It starts now."),
    )
    Narrator(ledger, story).catch_up()
    assert [line.text for line in story.lines] == [
        "The arbiter lets a retraining begin: red drifted."
    ]
    database.close()
