"""A ledger that was written at commit 600437c can still be read and verified."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import insert, select

from retread.core import Database, IntegrityBroken, ManualClock
from retread.registry import Applied, SqlLedger, SqlServerDirectory, Stage, fold
from retread.registry.events import (
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    RetrainingFinished,
    Slot,
    TriggerReceived,
    decode_event,
    encode_event,
)
from retread.registry.hash_chain import Head, Row, decode_row, verified
from retread.registry.sql_ledger import LEDGER, LEDGER_HEAD
from retread.registry.sql_servers import SERVERS

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
    assert (state.production, state.generation, state.served) == (1, 14, (1,))
    assert state.slot_generations == {
        Slot.STAGING: 4, Slot.PRODUCTION: 14, Slot.CANARY: 9, Slot.SHADOW: 13,
    }  # fmt: skip
    assert state.promotion is not None
    assert (state.promotion.version, state.promotion.previous) == (3, 1)


def test_absent_values_are_read_as_none(stored: SqlLedger) -> None:
    events = [entry.event for entry in stored.read()]
    first = next(event for event in events if isinstance(event, PromotionCompleted))
    assert first.previous is None
    judged = next(event for event in events if isinstance(event, GateJudged))
    assert judged.production is None
    received = [event for event in events if isinstance(event, TriggerReceived)]
    assert [event.version for event in received] == [1, None, None, None, None]
    assert [event.candidate for event in received] == [None, None, None, 1, 1]
    assert [event.user_requested for event in received] == [False, True, True, True, True]
    ended = [event for event in events if isinstance(event, RetrainingFinished)]
    assert [event.version for event in ended] == [2, None, None, None, None]


def test_a_ledger_goes_on_after_the_stored_entries(stored: SqlLedger) -> None:
    event = decode_event(ROWS[0].event)
    (added,) = stored.append(event)
    assert (added.sequence, added.event) == (len(ROWS) + 1, event)
    assert stored.verify() == len(ROWS) + 1


def test_stored_acknowledgements_can_be_read(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(SERVERS), STORED["servers"])
    clock = ManualClock(datetime.fromtimestamp(STORED["servers"][0]["at"], UTC))
    (server,) = SqlServerDirectory(database, clock).live()
    assert server.applied[Slot.PRODUCTION] == Applied(generation=9, bundle=f"sha256:{1:064x}")
    assert server.applied[Slot.CANARY] == Applied(generation=8, bundle=None)
    assert server.applied[Slot.STAGING].error == "out of memory"
    SqlServerDirectory(database, clock).announce("server_a", server.applied)
    with database.read() as connection:
        stored = connection.execute(select(SERVERS.c.applied)).scalar_one()
    assert json.loads(stored) == json.loads(STORED["servers"][0]["applied"])
