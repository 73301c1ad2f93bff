"""Messages that will be sent, once.

A message enters with the state change it tells of, under a key, and so cannot be lost or doubled
by a crash in between. Sending is at most once: it is claimed, and the claim is durable, before it
leaves. When no answer comes to what has left, or the sender is killed before it comes, it is
`unconfirmed`: it may have arrived, so it is never sent again, but shown. A receiver that says no,
or that cannot be reached, gets it again, with growing pauses, for a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)

from retread.core import METADATA, Clock, Database
from retread.loop.backoff import GIVE_UP_S, pause_s
from retread.notify import Message, Undelivered

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("key", String(200), primary_key=True),
    Column("notifier", String(63), primary_key=True),
    Column("message", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("position", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("enqueued_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Index("outbox_due", "state", "due_at"),
)


class MessageState(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A claimed message; `attempts` counts this one."""

    key: str
    notifier: str
    message: Message
    attempts: int
    enqueued_at: float


class Outbox:
    """The table `outbox`; `notifiers` are the names to which a new message goes."""

    def __init__(self, database: Database, clock: Clock, notifiers: Sequence[str]) -> None:
        self._database = database
        self._clock = clock
        self._notifiers = tuple(notifiers)

    def enqueue(self, key: str, message: Message) -> None:
        """Send `message` to every notifier; nothing happens if `key` was enqueued before."""
        now = self._clock.now().timestamp()
        body = msgspec.json.encode(msgspec.structs.replace(message, key=key)).decode()

        def work(connection: Connection) -> None:
            known = connection.execute(select(OUTBOX.c.key).where(OUTBOX.c.key == key)).first()
            if known is not None:
                return
            last = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
            for number, name in enumerate(self._notifiers, start=1):
                row = {"key": key, "notifier": name, "message": body, "position": last + number}
                times = {"attempts": 0, "enqueued_at": now, "due_at": now}
                connection.execute(
                    insert(OUTBOX).values(**row, **times, state=MessageState.WAITING, reason="")
                )

        self._database.transact(work)

    def claim(self) -> OutboxMessage | None:
        """The oldest message that is due, now `sending`; durable when this returns."""
        now = self._clock.now().timestamp()

        def work(connection: Connection) -> OutboxMessage | None:
            due = (
                select(OUTBOX)
                .where(OUTBOX.c.state == MessageState.WAITING, OUTBOX.c.due_at <= now)
                .order_by(OUTBOX.c.position)
                .limit(1)
            )
            row = connection.execute(due).first()
            if row is None:
                return None
            letter = OutboxMessage(
                key=row.key,
                notifier=row.notifier,
                message=msgspec.json.decode(row.message, type=Message),
                attempts=row.attempts + 1,
                enqueued_at=row.enqueued_at,
            )
            _put(connection, letter, state=MessageState.SENDING, attempts=letter.attempts)
            return letter

        # Looking first spares an idle loop a write lock every second.
        return self._database.transact(work) if self._has_due(now) else None

    def sent(self, letter: OutboxMessage) -> None:
        self._database.transact(lambda c: _put(c, letter, state=MessageState.SENT, reason=""))

    def unconfirmed(self, letter: OutboxMessage, reason: str) -> None:
        """Never send it again: it may have arrived."""
        self._database.transact(
            lambda c: _put(c, letter, state=MessageState.UNCONFIRMED, reason=reason)
        )

    def failed(self, letter: OutboxMessage, error: Undelivered, jitter: float) -> None:
        """Try again later, or give up: after a day, or when the receiver will never take it.

        `jitter` in [0, 1) spreads the tries.
        """
        now = self._clock.now().timestamp()
        over = error.permanent or now - letter.enqueued_at >= GIVE_UP_S
        due = now + pause_s(letter.attempts, error.retry_after, jitter)
        state = MessageState.GIVEN_UP if over else MessageState.WAITING
        self._database.transact(
            lambda c: _put(c, letter, state=state, due_at=due, reason=error.message)
        )

    def recover(self) -> int:
        """Mark what a killed deliverer left in `sending`; call before any deliverer runs."""

        def work(connection: Connection) -> int:
            left = update(OUTBOX).where(OUTBOX.c.state == MessageState.SENDING)
            reason = "The sender ended before the answer came; it is not sent again."
            return connection.execute(
                left.values(state=MessageState.UNCONFIRMED, reason=reason)
            ).rowcount

        return self._database.transact(work)

    def counts(self) -> Mapping[MessageState, int]:
        """How many messages are in each state."""
        query = select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state)
        with self._database.read() as connection:
            found = {MessageState(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in MessageState}

    def keys(self, state: MessageState) -> tuple[tuple[str, str], ...]:
        """(key, notifier) of the messages in `state`, in the order in which they were enqueued."""
        query = select(OUTBOX.c.key, OUTBOX.c.notifier).where(OUTBOX.c.state == state)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(OUTBOX.c.position)).all()
        return tuple((row.key, row.notifier) for row in rows)

    def _has_due(self, now: float) -> bool:
        query = select(OUTBOX.c.key).where(
            OUTBOX.c.state == MessageState.WAITING, OUTBOX.c.due_at <= now
        )
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None


def _put(connection: Connection, letter: OutboxMessage, **values: object) -> None:
    place = (OUTBOX.c.key == letter.key) & (OUTBOX.c.notifier == letter.notifier)
    connection.execute(update(OUTBOX).where(place).values(**values))
