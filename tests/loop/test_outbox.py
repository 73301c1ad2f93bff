"""The outbox and its worker, on every supported database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import retread.registry  # noqa: F401  # declares tables
from retread.core import Database, ManualClock
from retread.loop.outbox import MessageState, Outbox
from retread.loop.outbox_worker import OutboxWorker
from retread.notify import Message, Unconfirmed, Undelivered

START = datetime(2026, 11, 1, tzinfo=UTC)
HELLO = Message(title="hello")
KEPT = Message(title="hello", key="a", at=START)
"""What arrives: the outbox notes when a message was queued."""


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
    return ManualClock(START)


@pytest.fixture
def outbox(opened: Callable[[], Database], clock: ManualClock) -> Outbox:
    return Outbox(opened(), clock, ["slack", "webhook"])


class FakeNotifier:
    """Remembers its messages; raises `errors` first, one per message."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.messages.append(message)


class SlowNotifier(FakeNotifier):
    """Signals that a message arrives, and takes a while to send it."""

    def __init__(self, arrived: threading.Event) -> None:
        super().__init__()
        self._arrived = arrived

    def send(self, message: Message) -> None:
        self._arrived.set()
        threading.Event().wait(0.1)
        super().send(message)


def worker_of(outbox: Outbox, slack: Any, webhook: Any = None) -> OutboxWorker:
    return OutboxWorker(outbox, {"slack": slack, "webhook": webhook or FakeNotifier()})


def test_each_notifier_gets_each_message_once(outbox: Outbox) -> None:
    slack, webhook = FakeNotifier(), FakeNotifier()
    for _ in range(3):
        outbox.enqueue("a", HELLO)
    outbox.enqueue("b", Message(title="second"))
    worker = worker_of(outbox, slack, webhook)
    while worker.deliver_one():
        pass
    assert [m.title for m in slack.messages] == ["hello", "second"]
    assert slack.messages == webhook.messages
    outbox.enqueue("a", HELLO)
    assert not worker.deliver_one()
    assert outbox.counts()[MessageState.SENT] == 4


def test_an_hour_of_failures_ends_in_one_delivery(outbox: Outbox, clock: ManualClock) -> None:
    slack = FakeNotifier(*[Undelivered("The webhook answered 503.")] * 100)
    worker = worker_of(outbox, slack)
    outbox.enqueue("a", HELLO)
    attempts = 0
    for _ in range(360):
        attempts += worker.deliver_one()
        clock.advance(timedelta(seconds=10))
    assert 8 <= attempts <= 20, "pauses grow"
    slack.errors.clear()
    clock.advance(timedelta(minutes=13))
    assert worker.deliver_one()
    clock.advance(timedelta(days=2))
    assert not worker.deliver_one()
    assert slack.messages == [KEPT]


def test_after_a_day_it_is_given_up(outbox: Outbox, clock: ManualClock) -> None:
    slack = FakeNotifier(*[Undelivered("No.")] * 2)
    worker = worker_of(outbox, slack)
    outbox.enqueue("a", HELLO)
    while worker.deliver_one():
        pass
    clock.advance(timedelta(days=1))
    assert worker.deliver_one()
    assert outbox.keys(MessageState.GIVEN_UP) == (("a", "slack"),)
    clock.advance(timedelta(days=1))
    assert not worker.deliver_one()


def test_a_message_that_can_never_be_delivered_is_given_up_at_once(outbox: Outbox) -> None:
    worker = worker_of(outbox, FakeNotifier(Undelivered("404", permanent=True)))
    outbox.enqueue("a", HELLO)
    while worker.deliver_one():
        pass
    assert outbox.counts()[MessageState.GIVEN_UP] == 1


def test_a_receiver_sets_the_time_of_the_next_attempt(outbox: Outbox, clock: ManualClock) -> None:
    slack = FakeNotifier(Undelivered("429", retry_after=120.0))
    worker = worker_of(outbox, slack)
    outbox.enqueue("a", HELLO)
    while worker.deliver_one():
        pass
    clock.advance(timedelta(seconds=119))
    assert not worker.deliver_one()
    clock.advance(timedelta(seconds=32))
    assert worker.deliver_one()
    assert slack.messages == [KEPT]


class Killed(BaseException):
    """The process was killed by `kill -9`."""


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not arrived"])
def test_a_message_is_not_sent_again_after_a_kill_between_claim_and_answer(
    opened: Callable[[], Database], clock: ManualClock, arrived: bool
) -> None:
    class DyingNotifier(FakeNotifier):
        def send(self, message: Message) -> None:
            if arrived:
                self.messages.append(message)
            raise Killed

    first = Outbox(opened(), clock, ["slack"])
    first.enqueue("a", HELLO)
    dying = DyingNotifier()
    with pytest.raises(Killed):
        OutboxWorker(first, {"slack": dying}).deliver_one()

    second = Outbox(opened(), clock, ["slack"])
    assert second.recover() == 1
    after = FakeNotifier()
    clock.advance(timedelta(days=1))
    assert not OutboxWorker(second, {"slack": after}).deliver_one()
    assert second.keys(MessageState.UNCONFIRMED) == (("a", "slack"),)
    assert len(dying.messages) + len(after.messages) <= 1


def test_a_message_without_an_answer_is_not_sent_again(outbox: Outbox, clock: ManualClock) -> None:
    """Slack received it and answered too late."""
    slack = FakeNotifier(Unconfirmed("The webhook did not answer (TimeoutError)."))
    worker = worker_of(outbox, slack)
    outbox.enqueue("a", HELLO)
    while worker.deliver_one():
        pass
    clock.advance(timedelta(hours=1))
    assert not worker.deliver_one()
    assert slack.messages == []
    assert outbox.keys(MessageState.UNCONFIRMED) == (("a", "slack"),)
    assert outbox.counts()[MessageState.SENT] == 1, "the webhook has a message of its own"


@pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit()])
def test_a_message_is_retried_after_a_notifier_broke(
    outbox: Outbox, clock: ManualClock, error: BaseException
) -> None:
    slack = FakeNotifier(error)
    worker = worker_of(outbox, slack)
    outbox.enqueue("a", HELLO)
    while worker.deliver_one():
        pass
    clock.advance(timedelta(seconds=10))
    assert worker.deliver_one()
    assert slack.messages == [KEPT]


def test_the_thread_delivers_and_stops(outbox: Outbox) -> None:
    outbox.enqueue("a", HELLO)
    arrived = threading.Event()
    slack = SlowNotifier(arrived)
    worker = worker_of(outbox, slack)
    worker.start()
    assert arrived.wait(20)
    worker.stop()
    # It completed the message that it was sending when it was stopped.
    assert [message.title for message in slack.messages] == ["hello"]
    assert ("a", "slack") in outbox.keys(MessageState.SENT)
    assert outbox.counts()[MessageState.SENDING] == 0


def test_without_notifiers_nothing_is_queued(
    opened: Callable[[], Database], clock: ManualClock, tmp_path: Path
) -> None:
    outbox = Outbox(opened(), clock, [])
    outbox.enqueue("a", HELLO)
    assert sum(outbox.counts().values()) == 0
