"""One database for ledger, outbox and labels: SQLite by default, PostgreSQL by its address."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from retread.core.backoff import Backoff
from retread.core.errors import IntegrityBroken, InvalidInput, MissingDependency, Unavailable

METADATA = MetaData()
"""Every package declares its own tables on this."""

_ATTEMPTS = 30
# Jitter as long as the pause itself, so that two writers do not collide again.
_RETRY = Backoff(first_s=0.001, longest_s=0.03, factor=1.2, jitter=1.0)
_STARTS_OVER = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization failure, deadlock."""
_TABLES_LOCK = 0x72657472
"""PostgreSQL: number of the advisory lock under which tables are created."""

Result = TypeVar("Result")

_BACKENDS = ("sqlite", "postgresql")
_WRITE_IT = "Write it as sqlite:////path/to/file.db or postgresql://user@host/name."


class Database:
    """Transactions on the tables declared on METADATA.

    Writers are serialised (SQLite: BEGIN IMMEDIATE; PostgreSQL: SERIALIZABLE, started over where
    it could not order them); what was committed is durable. Raises InvalidInput for an address
    that names none, Unavailable when the database does not answer within its deadline,
    IntegrityBroken when its file is damaged.
    """

    def __init__(self, url: str, *, deadline_s: float = 20.0) -> None:
        self.url = url
        self._engine = _engine(url, deadline_s)

    def create_tables(self) -> None:
        """Create the tables that are not there yet; any number of processes may at once."""
        with _translated(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                # One after another, and each looks anew once it has the lock: a serializable
                # transaction would still see what was there before it waited.
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            connection = connection.execution_options(retread_write=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:number)")
                    connection.execute(lock, {"number": _TABLES_LOCK})
                METADATA.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or not at all.

        On PostgreSQL it may be refused because of another one; `transact` starts over then.
        """
        with _translated(), self._engine.connect() as connection:
            connection = connection.execution_options(retread_write=True)
            with connection.begin():
                yield connection

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one `write`, again when PostgreSQL asks for that.

        `work` may run several times and must have no effect beside the transaction.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                with self.write() as connection:
                    return work(connection)
            except Unavailable as error:
                if not _starts_over(error):
                    raise
                time.sleep(_RETRY.pause_s(attempt, random.random()))  # noqa: S311 (no secret)
        with self.write() as connection:
            return work(connection)

    def close(self) -> None:
        self._engine.dispose()


def file_of(url: str) -> Path | None:
    """The file that an address names; None for a database with a server."""
    address = make_url(url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def _engine(url: str, deadline_s: float) -> Engine:
    if _backend(url) != "sqlite":
        try:
            return create_engine(url, isolation_level="SERIALIZABLE", pool_pre_ping=True)
        except ImportError as error:
            raise MissingDependency(error.name or "psycopg", "postgres") from error
    engine = create_engine(url, connect_args={"timeout": deadline_s})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _backend(url: str) -> str:
    try:
        address = make_url(url)
        name = address.get_backend_name()
    except (ArgumentError, ValueError):
        name = ""
    if name not in _BACKENDS:
        # Not the address itself: there may be a password in it.
        raise InvalidInput(
            f"[database] url is no address of a database: {name or 'it cannot be read'}.", _WRITE_IT
        )
    if name == "sqlite" and (address.database or ":memory:").startswith((":", "file:")):
        raise InvalidInput(
            "[database] url names no file, but a database in memory, or a URI that could mean one.",
            f"Every process must see the same database. {_WRITE_IT}",
        )
    return name


def _configure_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # pysqlite starts transactions by itself, and too late: we say BEGIN.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("retread_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _starts_over(error: Unavailable) -> bool:
    driver_error = getattr(error.__cause__, "orig", None)
    return getattr(driver_error, "sqlstate", None) in _STARTS_OVER


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(
            f"The database does not answer: {str(error.orig).splitlines()[0].rstrip('.?')}.",
            "Check [database] url in retread.toml, disk space, and that nothing holds a long lock.",
        ) from error
    except DatabaseError as error:
        # Its subclasses are about a statement; itself is how SQLite says that a file is damaged.
        if type(error) is not DatabaseError:
            raise
        raise IntegrityBroken(
            f"The database is damaged: {error.orig}.", "Restore its file from a backup."
        ) from error
