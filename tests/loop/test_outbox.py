"""The outbox, on every database we run on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import retread.registry  # noqa: F401  # declares tables
from retread.core import Database, ManualClock
from retread.loop.deliverer import OutboxWorker
from retread.loop.outbox import MessageState, Outbox
from retread.notify import Message, Unconfirmed, Undelivered

HELLO = Message(title="hello")
KEPT = Message(title="hello", key="a")


@pytest.fixture
def opened(database_url: str) -> Iterator[Callable[[], Database]]:
    databases: list[Database] = []

    def open_() -> Database:
        databases.append(Database(database_url))
        databases[-1].create_tables()
        return databases[-1]

    yield open_
    for database in databases:
        database.close()


@pytest.fixture
def clock() -> ManualClock:
    from datetime import UTC, datetime

    return ManualClock(datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def outbox(opened: Callable[[], Database], clock: ManualClock) -> Outbox:
    return Outbox(opened(), clock, ["slack", "webhook"])


class Receiver:
    """Takes messages, or fails as told."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append(message)


class Slow(Receiver):
    """Says when a message arrives, and takes a while with it."""

    def __init__(self, arrived: threading.Event) -> None:
        super().__init__()
        self._arrived = arrived

    def send(self, message: Message) -> None:
        self._arrived.set()
        threading.Event().wait(0.1)
        super().send(message)


def deliverer(outbox: Outbox, slack: Any, webhook: Any = None) -> OutboxWorker:
    return OutboxWorker(outbox, {"slack": slack, "webhook": webhook or Receiver()})


def test_each_notifier_gets_each_message_once(outbox: Outbox) -> None:
    slack, webhook = Receiver(), Receiver()
    for _ in range(3):
        outbox.enqueue("a", HELLO)
    outbox.enqueue("b", Message(title="second"))
    sender = deliverer(outbox, slack, webhook)
    while sender.deliver_one():
        pass
    assert [m.title for m in slack.messages] == ["hello", "second"]
    assert slack.messages == webhook.messages
    outbox.enqueue("a", HELLO)
    assert not sender.deliver_one()
    assert outbox.counts()[MessageState.SENT] == 4


def test_an_hour_of_failures_ends_in_one_delivery(outbox: Outbox, clock: ManualClock) -> None:
    slack = Receiver(*[Undelivered("The webhook answered 503.")] * 100)
    sender = deliverer(outbox, slack)
    outbox.enqueue("a", HELLO)
    tries = 0
    for _ in range(360):
        tries += sender.deliver_one()
        clock.advance(timedelta(seconds=10))
    assert 8 <= tries <= 20, "pauses grow"
    slack.errors.clear()
    clock.advance(timedelta(minutes=13))
    assert sender.deliver_one()
    clock.advance(timedelta(days=2))
    assert not sender.deliver_one()
    assert slack.messages == [KEPT]


def test_after_a_day_it_is_given_up(outbox: Outbox, clock: ManualClock) -> None:
    slack = Receiver(*[Undelivered("No.")] * 2)
    sender = deliverer(outbox, slack)
    outbox.enqueue("a", HELLO)
    while sender.deliver_one():
        pass
    clock.advance(timedelta(days=1))
    assert sender.deliver_one()
    assert outbox.keys(MessageState.GIVEN_UP) == (("a", "slack"),)
    clock.advance(timedelta(days=1))
    assert not sender.deliver_one()


def test_what_can_never_be_taken_is_given_up_at_once(outbox: Outbox) -> None:
    sender = deliverer(outbox, Receiver(Undelivered("404", permanent=True)))
    outbox.enqueue("a", HELLO)
    while sender.deliver_one():
        pass
    assert outbox.counts()[MessageState.GIVEN_UP] == 1


def test_receiver_says_when_to_try_again(outbox: Outbox, clock: ManualClock) -> None:
    slack = Receiver(Undelivered("429", retry_after=120.0))
    sender = deliverer(outbox, slack)
    outbox.enqueue("a", HELLO)
    while sender.deliver_one():
        pass
    clock.advance(timedelta(seconds=119))
    assert not sender.deliver_one()
    clock.advance(timedelta(seconds=32))
    assert sender.deliver_one()
    assert slack.messages == [KEPT]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("arrived", [True, False])
def test_a_kill_between_claim_and_answer_is_never_sent_again(
    opened: Callable[[], Database], clock: ManualClock, arrived: bool
) -> None:
    class Dying(Receiver):
        def send(self, message: Message) -> None:
            if arrived:
                self.messages.append(message)
            raise Killed

    first = Outbox(opened(), clock, ["slack"])
    first.enqueue("a", HELLO)
    dying = Dying()
    with pytest.raises(Killed):
        OutboxWorker(first, {"slack": dying}).deliver_one()

    second = Outbox(opened(), clock, ["slack"])
    assert second.recover() == 1
    after = Receiver()
    clock.advance(timedelta(days=1))
    assert not OutboxWorker(second, {"slack": after}).deliver_one()
    assert second.keys(MessageState.UNCONFIRMED) == (("a", "slack"),)
    assert len(dying.messages) + len(after.messages) <= 1


def test_what_left_and_was_not_answered_is_never_sent_again(
    outbox: Outbox, clock: ManualClock
) -> None:
    """Slack took it, and answered too late."""
    slack = Receiver(Unconfirmed("The webhook did not answer (TimeoutError)."))
    sender = deliverer(outbox, slack)
    outbox.enqueue("a", HELLO)
    while sender.deliver_one():
        pass
    clock.advance(timedelta(hours=1))
    assert not sender.deliver_one()
    assert slack.messages == []
    assert outbox.keys(MessageState.UNCONFIRMED) == (("a", "slack"),)
    assert outbox.counts()[MessageState.SENT] == 1, "the webhook's own is another letter"


def test_a_notifier_that_breaks_is_tried_again(outbox: Outbox, clock: ManualClock) -> None:
    slack = Receiver(ZeroDivisionError())
    sender = deliverer(outbox, slack)
    outbox.enqueue("a", HELLO)
    while sender.deliver_one():
        pass
    clock.advance(timedelta(seconds=10))
    assert sender.deliver_one()
    assert slack.messages == [KEPT]


def test_thread_delivers_and_stops(outbox: Outbox) -> None:
    outbox.enqueue("a", HELLO)
    arrived = threading.Event()
    slack = Slow(arrived)
    sender = deliverer(outbox, slack)
    sender.start()
    assert arrived.wait(20)
    sender.stop()
    # What it was at when it was stopped, it did to the end.
    assert [message.title for message in slack.messages] == ["hello"]
    assert ("a", "slack") in outbox.keys(MessageState.SENT)
    assert outbox.counts()[MessageState.SENDING] == 0


def test_without_notifiers_nothing_is_kept(
    opened: Callable[[], Database], clock: ManualClock, tmp_path: Path
) -> None:
    outbox = Outbox(opened(), clock, [])
    outbox.enqueue("a", HELLO)
    assert sum(outbox.counts().values()) == 0
