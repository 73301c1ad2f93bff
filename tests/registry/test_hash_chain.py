"""Edits of the stored history are detected."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import text

from retread.core import Database, IntegrityBroken, ManualClock, Unavailable
from retread.registry import SqlLedger
from retread.registry.anchor import FileAnchor
from retread.registry.events import VersionArchived, VersionStaged
from retread.registry.hash_chain import Head

EVENTS = tuple(VersionArchived(version=number, reason=f"reason {number}") for number in range(1, 8))


@pytest.fixture
def full(ledger: SqlLedger) -> SqlLedger:
    ledger.append(*EVENTS)
    return ledger


def execute(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def fresh(database: Database, clock: ManualClock) -> SqlLedger:
    return SqlLedger(database, clock)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ledger SET event = replace(event, 'reason 3', 'reason 4') WHERE sequence=3", "3"),
        ("UPDATE ledger SET at = replace(at, '2012', '2013') WHERE sequence = 5", "5"),
        ("UPDATE ledger SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE sequence=2", "2"),
        ("DELETE FROM ledger WHERE sequence = 1", "1"),
        ("DELETE FROM ledger WHERE sequence = 4", "4"),
        ("UPDATE ledger SET sequence = 70 WHERE sequence = 7", "7"),
        ("DELETE FROM ledger WHERE sequence > 6", "7"),
        ("DELETE FROM ledger", "1"),
        ("DELETE FROM ledger_head", "1"),
    ],
)
def test_an_edit_is_detected_and_named(
    database: Database, clock: ManualClock, statement: str, named: str
) -> None:
    assert fresh(database, clock).verify() == len(EVENTS)
    execute(database, statement)
    with pytest.raises(IntegrityBroken, match=rf"Ledger entry {named} "):
        fresh(database, clock).verify()


@pytest.mark.usefixtures("full")
def test_reordered_entries_are_detected(database: Database, clock: ManualClock) -> None:
    execute(
        database,
        "UPDATE ledger SET sequence = 100 WHERE sequence = 2",
        "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger SET sequence = 3 WHERE sequence = 100",
    )
    with pytest.raises(IntegrityBroken, match="entry 2 "):
        fresh(database, clock).verify()


@pytest.mark.usefixtures("full")
def test_a_tail_missing_from_both_tables_is_detected_by_the_anchor(
    database: Database, clock: ManualClock
) -> None:
    execute(
        database,
        "DELETE FROM ledger WHERE sequence > 5",
        "UPDATE ledger_head SET sequence = 5, hash = (SELECT hash FROM ledger WHERE sequence = 5)",
    )
    with pytest.raises(IntegrityBroken, match=r"entry 6 is missing.*retread\.db\.head"):
        fresh(database, clock).verify()


def test_a_running_process_does_not_append_to_a_truncated_ledger(
    full: SqlLedger, database: Database
) -> None:
    execute(
        database,
        "DELETE FROM ledger WHERE sequence > 5",
        "UPDATE ledger_head SET sequence = 5, hash = (SELECT hash FROM ledger WHERE sequence = 5)",
    )
    with pytest.raises(IntegrityBroken, match="this process"):
        full.append(VersionStaged(version=1))


@pytest.mark.usefixtures("full")
def test_an_edited_entry_is_never_acted_upon(database: Database, clock: ManualClock) -> None:
    execute(database, "UPDATE ledger SET event = replace(event, 'reason', 'Reason')")
    with pytest.raises(IntegrityBroken, match="entry 1 "):
        fresh(database, clock).read()


@pytest.mark.usefixtures("full")
def test_a_rewritten_history_is_detected_by_the_anchor(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    execute(database, "DELETE FROM ledger", "DELETE FROM ledger_head")
    forged = SqlLedger(database, clock)
    kept = (tmp_path / "retread.db.head").read_bytes()
    forged.append(*(VersionStaged(version=number) for number in range(9)))
    (tmp_path / "retread.db.head").write_bytes(kept)
    with pytest.raises(IntegrityBroken, match="entry 7 is not the one"):
        fresh(database, clock).verify()


def test_one_changed_byte_anywhere_in_the_stored_events_is_detected(
    full: SqlLedger, database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    execute(database, "SELECT 1")
    with database.read() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    database.close()
    path = tmp_path / "retread.db"
    original = path.read_bytes()
    start, end = original.index(b'{"event"'), original.rindex(b'"version":1}') + 12
    randomness = random.Random(0)
    for _ in range(60):
        position = randomness.randrange(start, end)
        damaged = bytearray(original)
        damaged[position] ^= 1 << randomness.randrange(8)
        path.write_bytes(damaged)
        other = Database(database.url)
        with pytest.raises((IntegrityBroken, Unavailable)):
            fresh(other, clock).verify()
        other.close()
    path.write_bytes(original)
    assert full.verify() == len(EVENTS)


def test_the_anchor_only_moves_forward(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "db.head")
    assert anchor.read() == Head()
    later, earlier = Head(5, "b" * 64), Head(4, "a" * 64)
    anchor.advance(later)
    anchor.advance(earlier)
    assert anchor.read() == later


def test_a_damaged_anchor_is_reported_and_not_overwritten(full: SqlLedger, tmp_path: Path) -> None:
    path = tmp_path / "retread.db.head"
    path.write_text("nonsense")
    full.append(VersionStaged(version=1))
    assert path.read_text() == "nonsense"
    with pytest.raises(IntegrityBroken, match=r"retread\.db\.head"):
        full.verify()


def test_an_anchor_that_cannot_be_written_does_not_prevent_appends(
    ledger: SqlLedger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "retread.db.head").mkdir()
    assert ledger.append(VersionStaged(version=1))[0].sequence == 1
    assert "could not be written" in caplog.text
    assert ledger.verify() == 1
