from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from retread.core import Database, IntegrityBroken, InvalidInput, Unavailable

NUMBERS = Table("numbers", MetaData(), Column("value", Integer))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/x.db", deadline_s=0.2)
    with database.write() as connection:
        NUMBERS.create(connection)
    return database


def numbers(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(select(NUMBERS.c.value)))


def add(database: Database, value: int) -> None:
    with database.write() as connection:
        connection.execute(insert(NUMBERS).values(value=value))


def test_a_write_is_all_or_nothing(database: Database) -> None:
    add(database, 1)

    def fail_after_writing() -> None:
        with database.write() as connection:
            connection.execute(insert(NUMBERS).values(value=2))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert numbers(database) == [1]


def test_a_reader_sees_one_moment_and_does_not_block_writers(database: Database) -> None:
    add(database, 1)
    with database.read() as connection:
        before = list(connection.scalars(select(NUMBERS.c.value)))
        add(database, 2)
        assert list(connection.scalars(select(NUMBERS.c.value))) == before == [1]
    assert numbers(database) == [1, 2]


def test_writers_take_turns(tmp_path: Path, database: Database) -> None:
    patient = Database(database.url)

    def increase() -> None:
        for _ in range(20):
            with patient.write() as connection:
                count = len(list(connection.scalars(select(NUMBERS.c.value))))
                connection.execute(insert(NUMBERS).values(value=count))

    threads = [threading.Thread(target=increase) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(database)) == list(range(80))
    patient.close()


def test_a_locked_database_is_unavailable_after_its_deadline(
    tmp_path: Path, database: Database
) -> None:
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="does not respond"):
        add(database, 1)
    other.execute("ROLLBACK")
    other.close()
    add(database, 1)
    assert numbers(database) == [1]


def test_a_missing_database_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable), Database(f"sqlite:///{tmp_path}/no/x.db").read():
        pass


def test_committed_data_survives_a_kill(tmp_path: Path, database: Database) -> None:
    code = (
        "import os, signal, sys; from sqlalchemy import text; from retread.core import Database\n"
        "database = Database(sys.argv[1])\n"
        "with database.write() as c: c.execute(text('INSERT INTO numbers VALUES (1)'))\n"
        "with database.write() as c:\n"
        "    c.execute(text('INSERT INTO numbers VALUES (2)'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, database.url], check=False)
    assert ended.returncode == -9
    assert numbers(database) == [1]


@pytest.mark.parametrize("content", [b"garbage" * 500, b"SQLite format 3\0" + b"\x07" * 2000])
def test_a_damaged_file_is_reported_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(IntegrityBroken, match="The database is damaged"):
        Database(f"sqlite:///{tmp_path}/x.db").create_tables()


@pytest.mark.parametrize(
    "url", ["nonsense", "", "mysql://u:secret@x/y", "postgresql://u:secret@x:port/y", ":://"]
)
def test_an_invalid_database_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="not a valid database URL") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"],
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="must name a file"):
        Database(url)
