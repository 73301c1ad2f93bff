"""A ledger that was written at commit 600437c can still be read and verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import insert

from retread.core import Database, IntegrityBroken, ManualClock
from retread.registry import Applied, SqlLedger, Stage, fold
from retread.registry.events import (
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    Slot,
    decode_event,
    encode_event,
)
from retread.registry.hash_chain import Head, Row, decode_row, verified
from retread.registry.sql_ledger import LEDGER, LEDGER_HEAD

STORED = json.loads(Path(__file__).with_name("stored_ledger.json").read_text("utf-8"))
ROWS = [Row(**row) for row in STORED["ledger"]]


@pytest.fixture
def stored(database: Database, clock: ManualClock) -> SqlLedger:
    """A ledger that holds the stored rows."""
    with database.write() as connection:
        connection.execute(insert(LEDGER), STORED["ledger"])
        connection.execute(insert(LEDGER_HEAD).values(id=1, **STORED["ledger_head"]))
    return SqlLedger(database, clock)


def test_the_stored_rows_hold_every_kind_of_event() -> None:
    kinds = {type(decode_event(row.event)) for row in ROWS}
    assert kinds == set(get_args(LedgerEvent))


def test_the_stored_chain_verifies(stored: SqlLedger) -> None:
    assert stored.verify() == len(ROWS) == 56
    assert Head(ROWS[-1].sequence, ROWS[-1].hash) == Head(**STORED["ledger_head"])
    damaged = [*ROWS[:7], Row(8, ROWS[7].at, ROWS[7].event + " ", ROWS[7].hash), *ROWS[8:]]
    with pytest.raises(IntegrityBroken, match="entry 8 "):
        list(verified(damaged, Head()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"entry {row.sequence}")
def test_events_are_encoded_as_they_were_stored(row: Row) -> None:
    assert encode_event(decode_row(row).event).decode() == row.event


def test_the_stored_events_fold_into_the_state_of_then(stored: SqlLedger) -> None:
    state = fold(stored.read())
    stages = {number: version.stage for number, version in state.versions.items()}
    assert stages == {1: Stage.PRODUCTION, 2: Stage.ARCHIVED, 3: Stage.ARCHIVED}
    assert (state.production, state.epoch, state.served) == (1, 14, (1,))
    assert state.slot_epochs == {
        Slot.STAGING: 4, Slot.PRODUCTION: 14, Slot.CANARY: 9, Slot.SHADOW: 13,
    }  # fmt: skip
    assert state.promotion is not None
    assert (state.promotion.version, state.promotion.previous) == (3, 1)


def test_absent_values_are_read_as_none(stored: SqlLedger) -> None:
    events = [entry.event for entry in stored.read()]
    first = next(event for event in events if isinstance(event, PromotionCompleted))
    assert first.previous == 0
    judged = next(event for event in events if isinstance(event, GateJudged))
    assert judged.production == 0


def test_a_ledger_goes_on_after_the_stored_entries(stored: SqlLedger) -> None:
    event = decode_event(ROWS[0].event)
    (added,) = stored.append(event)
    assert (added.sequence, added.event) == (len(ROWS) + 1, event)
    assert stored.verify() == len(ROWS) + 1


def test_stored_acknowledgements_can_be_read() -> None:
    import msgspec

    applied: dict[Slot, Any] = msgspec.json.decode(
        STORED["servers"][0]["applied"], type=dict[Slot, Applied]
    )
    assert applied[Slot.PRODUCTION].epoch == 9
    assert applied[Slot.STAGING].error == "out of memory"
