"""What the monitor remembers between two looks, in memory and in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, Table, Text, delete, insert, select

from retread.core import METADATA, Database
from retread.monitoring.performance import Performance
from retread.monitoring.watch import Detectors, Watch
from retread.serving.traffic import Cursor, PredictionRecord

MONITOR_STATE = Table(
    "monitor_state",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

_MEMORY = "memory"
_DETECTOR = "detector:"


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """`promotion` is the ledger entry that the watch began with; `cursor` where reading goes on;
    `labels` how many labels there were when they were last joined."""

    promotion: int
    cursor: Cursor
    watch: Watch
    performance: Performance | None
    labels: int = 0


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    promotion: int
    cursor: Cursor
    windows: int
    requests: int
    recent: tuple[PredictionRecord, ...]
    waiting: tuple[PredictionRecord, ...]
    performance: Performance | None
    labels: int


def save_memory(
    database: Database, memory: Memory, detectors: Detectors, saved: Memory | None = None
) -> None:
    """Replace what was remembered, all of it or nothing. `saved` is what was saved last: the
    detectors' states are megabytes, and change with a full window only."""
    rows, replaced = {_MEMORY: encode_memory(memory)}, delete(MONITOR_STATE)
    if saved is not None and memory.watch.states is saved.watch.states:
        replaced = replaced.where(MONITOR_STATE.c.name == _MEMORY)
    else:
        states = memory.watch.states
        rows |= {_DETECTOR + name: d.encode(states[name]) for name, d in detectors.items()}

    def work(connection: Connection) -> None:
        connection.execute(replaced)
        connection.execute(
            insert(MONITOR_STATE), [{"name": n, "content": c} for n, c in rows.items()]
        )

    database.transact(work)


def load_memory(database: Database, detectors: Detectors) -> Memory | None:
    """What was saved; a detector that is new since then is not in `watch.states`."""
    with database.read() as connection:
        rows = {row.name: row.content for row in connection.execute(select(MONITOR_STATE))}
    if _MEMORY not in rows:
        return None
    states = {
        name: detector.decode(rows[_DETECTOR + name])
        for name, detector in detectors.items()
        if _DETECTOR + name in rows
    }
    return decode_memory(rows[_MEMORY], states)


def encode_memory(memory: Memory) -> bytes:
    watch = memory.watch
    return msgspec.msgpack.encode(
        _Stored(
            promotion=memory.promotion,
            cursor=memory.cursor,
            windows=watch.windows,
            requests=watch.requests,
            recent=watch.recent,
            waiting=watch.waiting,
            performance=memory.performance,
            labels=memory.labels,
        )
    )


def decode_memory(content: bytes, states: Mapping[str, object]) -> Memory:
    stored = msgspec.msgpack.decode(content, type=_Stored)
    watch = Watch(states, stored.windows, stored.requests, stored.recent, stored.waiting)
    return Memory(stored.promotion, stored.cursor, watch, stored.performance, stored.labels)
