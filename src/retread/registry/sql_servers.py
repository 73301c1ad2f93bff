"""The server directory in a database."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace
from sqlalchemy import Column, Connection, Float, Table, Text, delete, insert, select, update

from retread.core import METADATA, Clock, Database, canonical_json
from retread.registry.events import Slot
from retread.registry.servers import LIVE_S, Applied, ServerStatus

SERVERS = Table(
    "servers",
    METADATA,
    Column("server_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("applied", Text, nullable=False),
)

FORGOTTEN_S = 3600.0
"""Rows of servers that crashed are deleted after this long."""

_decoder = msgspec.json.Decoder(dict[Slot, Applied])


class SqlServerDirectory:
    """A server directory in `database`, with one row per server."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def announce(self, server_id: str, applied: Mapping[Slot, Applied]) -> None:
        """See `ServerDirectory.announce`."""
        now = self._clock.now().timestamp()
        values = {"at": now, "applied": _encode(applied)}

        def work(connection: Connection) -> None:
            mine = update(SERVERS).where(SERVERS.c.server_id == server_id).values(**values)
            if connection.execute(mine).rowcount == 0:
                connection.execute(insert(SERVERS).values(server_id=server_id, **values))
                connection.execute(delete(SERVERS).where(SERVERS.c.at < now - FORGOTTEN_S))

        self._database.transact(work)

    def live(self) -> tuple[ServerStatus, ...]:
        """See `ServerDirectory.live`."""
        now = self._clock.now().timestamp()
        query = select(SERVERS.c.server_id, SERVERS.c.at, SERVERS.c.applied)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(SERVERS.c.server_id)).all()
        # A heartbeat from the future is stale as well: the clock was set back.
        return tuple(
            ServerStatus(server_id=server_id, applied=_decode(applied), age_s=now - at)
            for server_id, at, applied in rows
            if abs(now - at) < LIVE_S
        )

    def forget(self, server_id: str) -> None:
        """See `ServerDirectory.forget`."""
        gone = delete(SERVERS).where(SERVERS.c.server_id == server_id)
        self._database.transact(lambda connection: connection.execute(gone))


def _encode(applied: Mapping[Slot, Applied]) -> str:
    # None is stored as "", as it has been from the beginning.
    stored = {
        slot: replace(change, bundle=change.bundle or "", error=change.error or "")
        for slot, change in applied.items()
    }
    return canonical_json(stored).decode()


def _decode(content: str) -> dict[Slot, Applied]:
    return {
        slot: replace(stored, bundle=stored.bundle or None, error=stored.error or None)
        for slot, stored in _decoder.decode(content).items()
    }
