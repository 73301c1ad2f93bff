"""The outbox: notifications that will be sent, each at most once.

A message is queued under a key, together with the change that it announces, so that a crash in
between neither loses nor duplicates it. Delivery is at most once: a message is claimed before it
is sent, and the claim is durable. If a message was sent and no answer came, or the process was
killed before it came, the message is `unconfirmed`: it may have arrived, so it is not sent again
but shown to the user. A receiver that refuses a message, or cannot be reached, gets it again for a
day, with growing pauses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
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

from retread.core import METADATA, Backoff, Clock, Database
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


RETRY_FOR = timedelta(days=1)
"""How long a message is retried."""

_BACKOFF = Backoff(first_s=2.0, longest_s=600.0, jitter=0.25)
_LONGEST_RETRY_AFTER_S = 3600.0


class MessageState(StrEnum):
    """The state of a message; one that is folded was told of in another message."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"
    GIVEN_UP = "given-up"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A claimed message.

    Attributes:
        key: Identity of the message.
        notifier: Name of the notifier that sends it.
        message: What is sent.
        attempts: Number of attempts, including this one.
        enqueued_at: When it was queued, in seconds since the epoch.
    """

    key: str
    notifier: str
    message: Message
    attempts: int
    enqueued_at: float


class Outbox:
    """The table `outbox`.

    Args:
        database: Where the table is.
        clock: Tells the time.
        notifiers: Names of the notifiers that a new message is sent to.
    """

    def __init__(self, database: Database, clock: Clock, notifiers: Sequence[str]) -> None:
        self._database = database
        self._clock = clock
        self._notifiers = tuple(notifiers)

    def enqueue(self, key: str, message: Message) -> None:
        """Queue a message for every notifier; do nothing if `key` was queued before."""
        self._database.transact(lambda c: self._insert(c, key, message, MessageState.WAITING))

    def enqueue_folded(
        self, key: str, summary: Message, folded: Sequence[tuple[str, Message]]
    ) -> None:
        """Queue one message in place of several, in one transaction.

        Args:
            key: Identity of the summary.
            summary: The message that is sent.
            folded: The messages that it stands for, with their keys; they are never sent.
        """

        def work(connection: Connection) -> None:
            self._insert(connection, key, summary, MessageState.WAITING)
            for folded_key, message in folded:
                self._insert(connection, folded_key, message, MessageState.FOLDED)

        self._database.transact(work)

    def known(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of the keys under which a message was queued before."""
        query = select(OUTBOX.c.key).where(OUTBOX.c.key.in_(keys))
        with self._database.read() as connection:
            return frozenset(row.key for row in connection.execute(query))

    def claim(self) -> OutboxMessage | None:
        """Claim the oldest message that is due; the claim is durable when this returns.

        Returns:
            The message, now `sending`; None if none is due.
        """
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
            claimed = OutboxMessage(
                key=row.key,
                notifier=row.notifier,
                message=msgspec.json.decode(row.message, type=Message),
                attempts=row.attempts + 1,
                enqueued_at=row.enqueued_at,
            )
            _put(connection, claimed, state=MessageState.SENDING, attempts=claimed.attempts)
            return claimed

        # Looking first spares an idle loop a write lock every second.
        return self._database.transact(work) if self._has_due(now) else None

    def mark_sent(self, claimed: OutboxMessage) -> None:
        """Record that the receiver took a message."""
        self._update(claimed, state=MessageState.SENT, reason="")

    def mark_unconfirmed(self, claimed: OutboxMessage, reason: str) -> None:
        """Record that a message may have arrived, so that it is not sent again."""
        self._update(claimed, state=MessageState.UNCONFIRMED, reason=reason)

    def mark_failed(self, claimed: OutboxMessage, error: Undelivered, random: float) -> None:
        """Schedule the next attempt, or give up.

        A message is given up after a day, and when the receiver will never take it.

        Args:
            claimed: The message that was not delivered.
            error: Why it was not.
            random: A random number in [0, 1), which spreads the attempts.
        """
        now = self._clock.now().timestamp()
        is_over = now - claimed.enqueued_at >= RETRY_FOR.total_seconds()
        retry_after = min(error.retry_after or 0.0, _LONGEST_RETRY_AFTER_S)
        pause = _BACKOFF.pause_s(claimed.attempts, random, at_least_s=retry_after)
        state = MessageState.GIVEN_UP if error.permanent or is_over else MessageState.WAITING
        self._update(claimed, state=state, due_at=now + pause, reason=error.message)

    def recover(self) -> int:
        """Mark the messages that a killed worker left in `sending` as unconfirmed.

        Call it before any worker runs.

        Returns:
            The number of these messages.
        """

        def work(connection: Connection) -> int:
            left = update(OUTBOX).where(OUTBOX.c.state == MessageState.SENDING)
            reason = (
                "The worker ended before the response arrived; the message will not be sent again."
            )
            values = {"state": MessageState.UNCONFIRMED, "reason": reason}
            return connection.execute(left.values(**values)).rowcount

        return self._database.transact(work)

    def counts(self) -> Mapping[MessageState, int]:
        """Return the number of messages per state."""
        query = select(OUTBOX.c.state, func.count()).group_by(OUTBOX.c.state)
        with self._database.read() as connection:
            found = {MessageState(state): int(count) for state, count in connection.execute(query)}
        return {state: found.get(state, 0) for state in MessageState}

    def counts_by_notifier(self) -> Mapping[str, Mapping[MessageState, int]]:
        """Return the number of messages per state, by the notifier that sends them."""
        columns = (OUTBOX.c.notifier, OUTBOX.c.state)
        query = select(*columns, func.count()).group_by(*columns)
        counts: dict[str, dict[MessageState, int]] = {}
        with self._database.read() as connection:
            for name, state, count in connection.execute(query):
                counts.setdefault(name, {})[MessageState(state)] = int(count)
        return counts

    def keys(self, state: MessageState) -> tuple[tuple[str, str], ...]:
        """Return (key, notifier) of each message in `state`, in the order of queueing."""
        query = select(OUTBOX.c.key, OUTBOX.c.notifier).where(OUTBOX.c.state == state)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(OUTBOX.c.position)).all()
        return tuple((row.key, row.notifier) for row in rows)

    def _insert(
        self, connection: Connection, key: str, message: Message, state: MessageState
    ) -> None:
        """Insert a message for every notifier, unless its key is known."""
        if connection.execute(select(OUTBOX.c.key).where(OUTBOX.c.key == key)).first() is not None:
            return
        now = self._clock.now()
        dated = message if message.at else msgspec.structs.replace(message, at=now)
        body = msgspec.json.encode(msgspec.structs.replace(dated, key=key)).decode()
        last = connection.execute(select(func.max(OUTBOX.c.position))).scalar() or 0
        for number, name in enumerate(self._notifiers, start=1):
            row = {"key": key, "notifier": name, "message": body, "position": last + number}
            times = {"attempts": 0, "enqueued_at": now.timestamp(), "due_at": now.timestamp()}
            connection.execute(insert(OUTBOX).values(**row, **times, state=state, reason=""))

    def _has_due(self, now: float) -> bool:
        is_due = (OUTBOX.c.state == MessageState.WAITING) & (OUTBOX.c.due_at <= now)
        with self._database.read() as connection:
            return (
                connection.execute(select(OUTBOX.c.key).where(is_due).limit(1)).first() is not None
            )

    def _update(self, claimed: OutboxMessage, **values: object) -> None:
        self._database.transact(lambda connection: _put(connection, claimed, **values))


def _put(connection: Connection, claimed: OutboxMessage, **values: object) -> None:
    is_claimed = (OUTBOX.c.key == claimed.key) & (OUTBOX.c.notifier == claimed.notifier)
    connection.execute(update(OUTBOX).where(is_claimed).values(**values))
