"""One database for ledger, outbox and labels: SQLite by default, PostgreSQL by its address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from retread.core.errors import IntegrityBroken, InvalidInput, MissingDependency, Unavailable

METADATA = MetaData()
"""Every package declares its own tables on this."""

_BACKENDS = ("sqlite", "postgresql")


class Database:
    """Transactions on the tables declared on METADATA.

    `write()` serialises with every other writer (SQLite: BEGIN IMMEDIATE); what it committed is
    durable. Raises InvalidInput for an address that names none, Unavailable when the database does
    not answer within its deadline, IntegrityBroken when its file is damaged.
    """

    def __init__(self, url: str, *, deadline_s: float = 20.0) -> None:
        self.url = url
        self._engine = _engine(url, deadline_s)

    def create_tables(self) -> None:
        """Create the tables that are not there yet."""
        with self.write() as connection:
            METADATA.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or not at all."""
        with _translated(), self._engine.connect() as connection:
            connection = connection.execution_options(retread_write=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()


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
        name = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        name = ""
    if name not in _BACKENDS:
        # Not the address itself: there may be a password in it.
        raise InvalidInput(
            f"[database] url is no address of a database: {name or 'it cannot be read'}.",
            "Write it as sqlite:////path/to/file.db or postgresql://user@host/name.",
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


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(
            f"The database does not answer: {error.orig}.",
            "Check [database] url in retread.toml, disk space, and that nothing holds a long lock.",
        ) from error
    except DatabaseError as error:
        # Its subclasses are about a statement; itself is how SQLite says that a file is damaged.
        if type(error) is not DatabaseError:
            raise
        raise IntegrityBroken(
            f"The database is damaged: {error.orig}.", "Restore its file from a backup."
        ) from error
