"""The state of the monitor between two steps, in memory and in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, Table, Text, delete, insert, select

from retread.core import METADATA, Database
from retread.monitoring.performance import Performance
from retread.monitoring.watch import Detectors, Watch
from retread.registry.events import PromotionCompleted
from retread.registry.ledger import Entry
from retread.serving.traffic import Cursor, PredictionRecord

MONITOR_STATE = Table(
    "monitor_state",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

_STATE = "memory"
_DETECTOR = "detector:"


@dataclass(frozen=True, slots=True, eq=False)
class MonitorState:
    """The monitor's progress on the current production version.

    Attributes:
        promotion: The sequence of the ledger entry that completed the version's promotion.
        cursor: Where to continue reading traffic.
        watch: The windows of traffic so far.
        performance: The labels so far; None if the version has no baseline.
        labels: The number of labels in the store when they were last joined.
    """

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


class _StoredPromotion(msgspec.Struct, frozen=True):
    promotion: int


def restart_watch(connection: Connection, added: Sequence[Entry]) -> None:
    """Forget what was seen of a version in the transaction that promotes another.

    What is left says where to read on. Of the new version nothing was seen yet, whichever process
    promoted it, and wherever it is killed.

    Args:
        connection: The transaction in which the entries are appended.
        added: The new entries of the ledger.
    """
    completed = [e.sequence for e in added if isinstance(e.event, PromotionCompleted)]
    if not completed:
        return
    query = select(MONITOR_STATE.c.content).where(MONITOR_STATE.c.name == _STATE)
    content = connection.execute(query).scalar()
    connection.execute(delete(MONITOR_STATE))
    if content is not None:
        before = decode_state(content, {})
        after = replace(before, promotion=completed[-1], watch=Watch({}), performance=None)
        connection.execute(insert(MONITOR_STATE).values(name=_STATE, content=encode_state(after)))


def save_state(
    database: Database,
    state: MonitorState,
    detectors: Detectors,
    saved: MonitorState | None = None,
) -> bool:
    """Replace the stored state in one transaction, unless it is of a later promotion.

    Args:
        database: The database.
        state: The state to store.
        detectors: The detectors by name, which encode their own states.
        saved: The state that was stored last. The detectors' states take megabytes and change
            only with a full window: while they are the same, they are not written again.

    Returns:
        Whether the state was stored.
    """
    rows, replaced = {_STATE: encode_state(state)}, delete(MONITOR_STATE)
    if saved is not None and state.watch.states is saved.watch.states:
        replaced = replaced.where(MONITOR_STATE.c.name == _STATE)
    else:
        states = state.watch.states
        rows |= {_DETECTOR + name: d.encode(states[name]) for name, d in detectors.items()}

    def work(connection: Connection) -> bool:
        query = select(MONITOR_STATE.c.content).where(MONITOR_STATE.c.name == _STATE)
        stored = connection.execute(query).scalar()
        if stored is not None and _promotion_of(stored) > state.promotion:
            return False
        connection.execute(replaced)
        connection.execute(
            insert(MONITOR_STATE), [{"name": n, "content": c} for n, c in rows.items()]
        )
        return True

    return database.transact(work)


def load_state(database: Database, detectors: Detectors) -> MonitorState | None:
    """Load the stored state, if there is one.

    A detector that was added since then is not in `watch.states`.
    """
    with database.read() as connection:
        rows = {row.name: row.content for row in connection.execute(select(MONITOR_STATE))}
    if _STATE not in rows:
        return None
    states = {
        name: detector.decode(rows[_DETECTOR + name])
        for name, detector in detectors.items()
        if _DETECTOR + name in rows
    }
    return decode_state(rows[_STATE], states)


def encode_state(state: MonitorState) -> bytes:
    """Encode all of the state but the detectors' states."""
    watch = state.watch
    return msgspec.msgpack.encode(
        _Stored(
            promotion=state.promotion,
            cursor=state.cursor,
            windows=watch.windows,
            requests=watch.requests,
            recent=watch.recent,
            waiting=watch.waiting,
            performance=state.performance,
            labels=state.labels,
        )
    )


def decode_state(content: bytes, states: Mapping[str, object]) -> MonitorState:
    """Decode a state; inverse of `encode_state`.

    Args:
        content: The encoded state.
        states: The detectors' states by name.
    """
    stored = msgspec.msgpack.decode(content, type=_Stored)
    watch = Watch(states, stored.windows, stored.requests, stored.recent, stored.waiting)
    return MonitorState(stored.promotion, stored.cursor, watch, stored.performance, stored.labels)


def _promotion_of(content: bytes) -> int:
    return msgspec.msgpack.decode(content, type=_StoredPromotion).promotion
