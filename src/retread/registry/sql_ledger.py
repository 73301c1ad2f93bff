"""The ledger in a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from msgspec.structs import replace
from sqlalchemy import Column, Connection, Integer, Table, Text, insert, select, text
from sqlalchemy.exc import DatabaseError, OperationalError

from retread.core import METADATA, Clock, Database, IntegrityBroken
from retread.registry.anchor import anchor_of
from retread.registry.events import Event
from retread.registry.hash_chain import Head, Row, append_row, check_head, decode_row, verified
from retread.registry.ledger import Decide, Entry

LEDGER = Table(
    "ledger",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

LEDGER_HEAD = Table(
    "ledger_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

_HEAD_ID = 1

OnAppend = Callable[[Connection, Sequence[Entry]], None]
"""Writes what belongs to new entries, in the transaction that appends them."""


class SqlLedger:
    """A ledger in `database`; entries are verified when they are read, and cached decoded.

    The head of the chain is recorded twice more: in the table `ledger_head` and, for SQLite, in
    the file DATABASE.head. Only an edit of all three would go unnoticed, and even that is noticed
    by a process that is running at the time.

    Args:
        database: Where the tables are.
        clock: The time of entries.
        actor: Who appends; events that name nobody get this name.
        on_append: What other tables of the database record about new entries; it is committed
            together with them, or not at all.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        actor: str = "",
        on_append: Sequence[OnAppend] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor
        self._on_append = tuple(on_append)
        self._anchor = anchor_of(database.url)
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    def append(self, *events: Event) -> tuple[Entry, ...]:
        """See `Ledger.append`."""
        return self.transact(lambda _: events)

    def transact(self, decide: Decide) -> tuple[Entry, ...]:
        """See `Ledger.transact`."""

        def work(connection: Connection) -> tuple[Entry, ...]:
            self._exclude_writers(connection)
            known = self._refresh(connection)
            added = self._add(connection, decide(known))
            for write in self._on_append:
                write(connection, added)
            return added

        added = self._database.transact(work)
        if added:
            self._remember(added)
        return added

    def read(self, *, after: int = 0) -> tuple[Entry, ...]:
        """See `Ledger.read`."""
        with self._database.read() as connection:
            rows = _rows(connection, self._known().sequence)
        with self._lock:
            self._extend(rows)
            return tuple(self._entries[after:])

    def verify(self) -> int:
        """See `Ledger.verify`."""
        # The anchor is read first: it may advance in the meantime, the ledger never goes back.
        anchored = self._anchor.read() if self._anchor else Head()
        with self._database.read() as connection:
            table_head = _table_head(connection)
            try:
                rows = _rows(connection, 0)
            except DatabaseError as error:
                _unreadable(error)
        head = Head()
        for row in verified(rows, head):
            head = Head(row.sequence, row.hash)
        check_head(head, table_head, "the table ledger_head")
        if head != table_head:
            check_head(table_head, head, "the ledger")
        if self._anchor:
            self._check_anchor(rows, head, anchored)
        return len(rows)

    def _check_anchor(self, rows: Sequence[Row], head: Head, anchored: Head) -> None:
        name = self._anchor.name if self._anchor else ""
        if anchored.sequence > head.sequence or anchored.sequence == 0:
            check_head(head, anchored, name)
        else:
            row = rows[anchored.sequence - 1]
            check_head(Head(row.sequence, row.hash), anchored, name)

    def _exclude_writers(self, connection: Connection) -> None:
        # SQLite's BEGIN IMMEDIATE has done so. PostgreSQL's writers queue here; otherwise they
        # would only learn at the commit that they have to start over.
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE ledger IN EXCLUSIVE MODE"))

    def _refresh(self, connection: Connection) -> tuple[Entry, ...]:
        rows = _rows(connection, self._known().sequence)
        with self._lock:
            self._extend(rows)
            known = tuple(self._entries)
        check_head(_head_of(known), _table_head(connection), "the table ledger_head")
        check_head(_table_head(connection), _head_of(known), "this process")
        return known

    def _add(self, connection: Connection, events: Iterable[Event]) -> tuple[Entry, ...]:
        head = _table_head(connection)
        at = self._clock.now()
        rows: list[Row] = []
        for event in events:
            named = event if event.actor else replace(event, actor=self._actor)
            row = append_row(head, at, named)
            head = Head(row.sequence, row.hash)
            rows.append(row)
        if rows:
            values = [
                {"sequence": r.sequence, "at": r.at, "event": r.event, "hash": r.hash} for r in rows
            ]
            connection.execute(insert(LEDGER), values)
            _put_table_head(connection, head, is_new=rows[0].sequence == 1)
        return tuple(decode_row(row) for row in rows)

    def _remember(self, added: Sequence[Entry]) -> None:
        with self._lock:
            # Another thread may have read them already.
            if len(self._entries) == added[0].sequence - 1:
                self._entries.extend(added)
        if self._anchor:
            self._anchor.advance(Head(added[-1].sequence, added[-1].hash))

    def _known(self) -> Head:
        with self._lock:
            return _head_of(self._entries)

    def _extend(self, rows: Sequence[Row]) -> None:
        known = _head_of(self._entries)
        fresh = [row for row in rows if row.sequence > known.sequence]
        self._entries.extend([decode_row(row) for row in verified(fresh, known)])


def _head_of(entries: Sequence[Entry]) -> Head:
    return Head(entries[-1].sequence, entries[-1].hash) if entries else Head()


def _rows(connection: Connection, after: int) -> list[Row]:
    query = select(LEDGER).where(LEDGER.c.sequence > after).order_by(LEDGER.c.sequence)
    return [Row(*row) for row in connection.execute(query)]


def _table_head(connection: Connection) -> Head:
    row = connection.execute(select(LEDGER_HEAD.c.sequence, LEDGER_HEAD.c.hash)).first()
    return Head(row[0], row[1]) if row else Head()


def _put_table_head(connection: Connection, head: Head, *, is_new: bool) -> None:
    values = {"sequence": head.sequence, "hash": head.hash}
    if is_new:
        connection.execute(insert(LEDGER_HEAD).values(id=_HEAD_ID, **values))
    else:
        connection.execute(LEDGER_HEAD.update().values(**values))


def _unreadable(error: DatabaseError) -> NoReturn:
    is_down = isinstance(error, OperationalError) and "decode" not in str(error.orig)
    if is_down:
        raise error
    raise IntegrityBroken(
        f"The ledger cannot be read: {error.orig}.", "Restore the database from a backup."
    ) from error
