"""The overview of a ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from retread.app.overview import (
    LedgerView,
    Phase,
    alarms_in,
    overview,
    retrainings_in,
)
from retread.app.overview.describe import _sentence
from retread.core import Database, ManualClock, Outcome
from retread.registry.events import (
    Event,
    LedgerEvent,
    RetrainingFinished,
    RetrainingOutcome,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
)
from retread.registry.ledger import Entry, Ledger
from retread.registry.sql_ledger import SqlLedger

Events = tuple[Event, ...]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: object) -> Ledger:
    database = Database(f"sqlite:///{tmp_path}/retread.db")
    database.create_tables()
    return SqlLedger(database, ManualClock(START))


def entries_of(*events: Event) -> tuple[Entry, ...]:
    return tuple(
        Entry(sequence=n, at=START + timedelta(minutes=n), event=event, hash="")  # type: ignore[arg-type]  # Event is the base of LedgerEvent's members
        for n, event in enumerate(events, start=1)
    )


def test_every_event_has_a_description() -> None:
    described = _sentence.registry
    assert {kind.__name__ for kind in get_args(LedgerEvent)} <= {k.__name__ for k in described}


def test_an_empty_ledger_has_an_overview(ledger: Ledger) -> None:
    shown = overview("tires", LedgerView(ledger).read())
    assert (shown.slots, shown.verdict, shown.retrainings, shown.recent) == ((), None, (), ())


def test_the_overview_follows_the_ledger(
    ledger: Ledger, first_model: Events, degrades: Events
) -> None:
    view = LedgerView(ledger)
    ledger.append(*first_model)
    shown = overview("tires", view.read())
    assert [(s.slot, s.version, s.dataset, s.since) for s in shown.slots] == [
        ("production", 1, "tires@1", START)
    ]
    assert shown.verdict is not None
    assert shown.verdict.outcome is Outcome.PASS
    assert shown.retrainings == ()

    ledger.append(*degrades)
    shown = overview("tires", view.read())
    assert {s.slot: s.share for s in shown.slots} == {"production": 1.0, "canary": 0.1}
    assert shown.verdict is not None
    assert shown.verdict.reasons == ("0.41 is under 0.6",)
    assert [alarm.kind for alarm in shown.alarms] == ["degradation", "drift"]
    (retraining,) = shown.retrainings
    assert (retraining.phase, retraining.version) == (Phase.CANARY, 2)
    assert retraining.share == 0.1
    assigned = "Version 2 was assigned to canary for 10% of traffic (generation 2)."
    assert shown.recent[0].text == assigned
    assert view.read().entries == ledger.read()


def test_phases_of_a_retraining_in_order(degrades: Events) -> None:
    events = [*degrades, SlotAssigned(slot=Slot.PRODUCTION, version=2, bundle="b", generation=3)]
    events.append(
        RetrainingFinished(
            trigger="trigger_1", outcome=RetrainingOutcome.PROMOTED, reason="Better.", version=2
        )
    )
    entries = entries_of(*events)
    phases = [retrainings_in(entries[:n])[0].phase for n in range(3, len(entries) + 1)]
    assert list(dict.fromkeys(phases)) == [
        Phase.REQUESTED,
        Phase.WAITING,
        Phase.TRAINING,
        Phase.GATE,
        Phase.CANARY,
        Phase.PROMOTION,
        Phase.FINISHED,
    ]
    finished = retrainings_in(entries)[0]
    assert (finished.outcome, finished.reason, finished.in_progress) == (
        "promoted",
        "Better.",
        False,
    )


@pytest.mark.parametrize(
    ("decision", "phase"),
    [("cooldown", Phase.REQUESTED), ("held", Phase.REQUESTED), ("refused", Phase.FINISHED)],
)
def test_a_trigger_that_was_not_accepted_is_not_in_progress(
    decision: str, phase: Phase, degrades: Events
) -> None:
    received = degrades[2]
    decided = TriggerDecided(trigger="trigger_1", decision=TriggerDecision(decision), reason="r")
    (request,) = retrainings_in(entries_of(received, decided))
    assert (request.phase, request.in_progress) == (phase, False)


def test_alarms_are_latest_first(first_model: Events, degrades: Events) -> None:
    alarms = alarms_in(entries_of(*first_model, *degrades))
    assert [alarm.at for alarm in alarms] == sorted((a.at for a in alarms), reverse=True)
    assert alarms[1].numbers == {"brightness": 0.8}
