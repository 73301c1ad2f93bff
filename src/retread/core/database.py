"""The database of ledger, outbox and labels: SQLite by default, or PostgreSQL."""

from __future__ import annotations

import contextlib
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
from retread.core.files import PRIVATE_FILE

METADATA = MetaData()
"""Registry of tables; every package declares its own on it."""

_ATTEMPTS = 30
# Jitter as long as the pause itself, so that two writers do not collide again.
_RETRY = Backoff(first_s=0.001, longest_s=0.03, factor=1.2, jitter=1.0)
_RETRIED_STATES = frozenset({"40001", "40P01"})
"""SQLSTATEs of PostgreSQL: serialization failure, deadlock."""
_TABLES_LOCK = 0x72657472
"""Key of PostgreSQL's advisory lock under which tables are created."""

Result = TypeVar("Result")

_BACKENDS = ("sqlite", "postgresql")
_EXAMPLES = "Write it as sqlite:////path/to/file.db or postgresql://user@host/name."


class Database:
    """Transactions on the tables declared on METADATA.

    Writers are serialised (SQLite: BEGIN IMMEDIATE; PostgreSQL: SERIALIZABLE, retried after
    serialization failures), and committed transactions are durable. All methods raise Unavailable
    if the database does not respond, and IntegrityBroken if its file is damaged.
    """

    def __init__(self, url: str, *, deadline_s: float = 20.0) -> None:
        """Prepare a database; nothing is opened yet.

        Args:
            url: SQLAlchemy URL of a SQLite file or of a PostgreSQL database.
            deadline_s: How long to wait for a lock on a SQLite database.

        Raises:
            InvalidInput: `url` is not such a URL.
            MissingDependency: The driver for PostgreSQL is not installed.
        """
        self.url = url
        self._engine = _engine(url, deadline_s)

    def create_tables(self) -> None:
        """Create missing tables; several processes may do so at the same time."""
        with _translated(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                # Processes take turns, and each must see the tables that the one before it
                # created: a serializable transaction would see the state before it waited.
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            connection = connection.execution_options(retread_write=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    lock = text("SELECT pg_advisory_xact_lock(:number)")
                    connection.execute(lock, {"number": _TABLES_LOCK})
                METADATA.create_all(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading."""
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end of the block, or not at all.

        On PostgreSQL it may fail because of a concurrent transaction; `transact` retries then.
        """
        with _translated(), self._engine.connect() as connection:
            connection = connection.execution_options(retread_write=True)
            with connection.begin():
                yield connection

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in a write transaction and return its result.

        Args:
            work: May be called several times, as PostgreSQL may require a retry. It must have no
                effects outside the transaction.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                with self.write() as connection:
                    return work(connection)
            except Unavailable as error:
                if not _can_be_retried(error):
                    raise
                time.sleep(_RETRY.pause_s(attempt, random.random()))  # noqa: S311 (no secret)
        with self.write() as connection:
            return work(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def file_of(url: str) -> Path | None:
    """Return the file of a SQLite URL; None for other databases."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def _make_private(file: Path | None) -> None:
    """Let only this user read a database; SQLite gives its logs the mode of the file."""
    if file is not None and file.is_file():
        with contextlib.suppress(PermissionError):  # another user's, which we may use
            file.chmod(PRIVATE_FILE)


def _engine(url: str, deadline_s: float) -> Engine:
    if _backend(url) != "sqlite":
        try:
            return create_engine(url, isolation_level="SERIALIZABLE", pool_pre_ping=True)
        except ImportError as error:
            raise MissingDependency(error.name or "psycopg", "postgres") from error
    engine = create_engine(url, connect_args={"timeout": deadline_s})
    event.listen(engine, "connect", lambda *_: _make_private(file_of(url)))
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
        # The URL itself may contain a password.
        raise InvalidInput(
            f"[database] url is not a valid database URL{f': {name!r}' if name else ''}.", _EXAMPLES
        )
    if name == "sqlite" and (address.database or ":memory:").startswith((":", "file:")):
        raise InvalidInput(
            "[database] url must name a file, not a database in memory or a file: URI.",
            f"All processes must see the same database. {_EXAMPLES}",
        )
    return name


def _configure_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # pysqlite would begin transactions itself, but too late.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("retread_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _can_be_retried(error: Unavailable) -> bool:
    driver_error = getattr(error.__cause__, "orig", None)
    return getattr(driver_error, "sqlstate", None) in _RETRIED_STATES


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(
            f"The database does not respond: {str(error.orig).splitlines()[0].rstrip('.?')}.",
            "Check [database] url in retread.toml, disk space, and that no program holds a lock.",
        ) from error
    except DatabaseError as error:
        # Subclasses are errors of a statement; the class itself is a damaged SQLite file.
        if type(error) is not DatabaseError:
            raise
        raise IntegrityBroken(
            f"The database is damaged: {error.orig}.", "Restore its file from a backup."
        ) from error
