"""Notifications about events that no retraining announces."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.loop.fake_system import FakeSystem, MakeSteps

from retread.core import Refused
from retread.loop.messages import MessageContext
from retread.loop.notifications import enqueue_notifications, notifications
from retread.loop.workflow import retrain
from retread.notify import Message
from retread.registry import Applied, Promoter, SqlLedger
from retread.registry.events import DegradationDetected, DriftDetected, Event, Slot

DAY = timedelta(days=1)


@pytest.fixture
def deployed(system: FakeSystem, make_steps: MakeSteps) -> FakeSystem:
    """Versions 1 and 2 are registered, 2 is in production; all of it was announced."""
    for _ in range(2):
        retrain(system.request(), system.ports, make_steps())
    system.new_titles()
    return system


def drift() -> DriftDetected:
    return DriftDetected(
        version=1,
        detector="conformal",
        window=4,
        streams=("light",),
        evidence={"light": 100.0},
        effect={"light": 0.5},
        requests=400,
    )


def degraded() -> DegradationDetected:
    return DegradationDetected(version=1, metric="Accuracy", expected=0.9, observed=0.7, labels=100)


def test_manual_promotions_and_rollbacks_are_announced_once(deployed: FakeSystem) -> None:
    deployed.promoter.rollback(reason="it was worse")
    deployed.registry.override(2, "I was wrong")
    deployed.promoter.promote(2, reason="I was wrong")
    assert deployed.new_titles() == [
        "tires: version 2 was rolled back; version 1 is in production again",
        "tires: version 2 is in production",
    ]
    assert deployed.new_titles() == []


def test_a_promotion_that_no_server_could_load_is_announced(deployed: FakeSystem) -> None:
    generation = deployed.state.generation + 1
    failed = Applied(generation=generation, bundle="", error="out of memory")
    deployed.servers.announce("full", {Slot.PRODUCTION: failed})
    with pytest.raises(Refused):
        deployed.promoter.rollback(reason="it was worse")
    assert deployed.new_titles() == ["tires: version 1 was not promoted"]


def test_a_deployment_names_its_reason_and_its_metrics(deployed: FakeSystem) -> None:
    deployed.registry.override(1, "I like it")
    deployed.promoter.promote(1, reason="I like it.")
    deployed.new_titles()
    deployed.registry.override(2, "I do not")
    deployed.promoter.promote(2, reason="I do not")
    (message,) = deployed.new_messages()
    assert message.lines == (
        "Reason: I do not.",
        "Version 1 is kept; to restore it, run: retread rollback",
    )
    assert message.fields == {"Accuracy": "0.9"}


def test_a_notifier_that_is_set_up_later_does_not_receive_the_past(deployed: FakeSystem) -> None:
    deployed.clock.advance(DAY + timedelta(hours=1))
    deployed.ledger.append(drift(), degraded())
    context = deployed.ports.message_context
    found = notifications(deployed.ledger.read(), context, deployed.clock.now())
    assert [message.title for _, message in found] == [
        "tires: the traffic has changed",
        "tires: version 1 performs worse than expected",
    ]


@pytest.mark.parametrize("alarm", [drift(), degraded()], ids=["drift", "degradation"])
def test_an_alarm_after_a_rollback_is_announced_again(deployed: FakeSystem, alarm: Event) -> None:
    """It is about different traffic, although its window may have the same number."""
    deployed.promoter.rollback()
    deployed.ledger.append(alarm, alarm)
    assert len(deployed.new_titles()) == 2
    deployed.registry.override(2, "a test")
    deployed.promoter.promote(2)
    deployed.promoter.rollback()
    deployed.ledger.append(alarm)
    assert len(deployed.new_titles()) == 3


def test_u12_every_message_says_when_and_by_whom(deployed: FakeSystem) -> None:
    ledger = SqlLedger(deployed.database, deployed.clock, actor="ann")
    Promoter(ledger, deployed.servers, deployed.clock, lambda _: None).rollback(reason="worse")
    (message,) = deployed.new_messages()
    assert (message.at, message.author) == (deployed.clock.now(), "ann")
    assert message.lines == ("Reason: worse.",)
    retrain_message = MessageContext(project="tires", control="").message("x")
    deployed.outbox.enqueue("undated", retrain_message)
    deployed.clock.advance(DAY)
    (dated,) = deployed.new_messages()
    assert dated.at == deployed.clock.now() - DAY


def test_u12_what_happened_before_the_start_is_told_in_one_message(deployed: FakeSystem) -> None:
    for reason in ("one", "two"):
        deployed.promoter.rollback(reason=reason)
        deployed.registry.override(2, "again")
        deployed.promoter.promote(2, reason=reason)
    deployed.clock.advance(timedelta(hours=1))
    started = deployed.clock.now()
    for _ in range(2):  # a loop that is restarted tells nothing twice
        enqueue_notifications(deployed.ports, deployed.ledger.read(), started)
    (claimed,) = claim_all(deployed)
    assert claimed.title == "tires: 4 things happened while the loop was not running"
    assert len(claimed.lines) == 4
    assert claimed.lines[0].endswith(
        "UTC: version 2 was rolled back; version 1 is in production again"
    )
    deployed.promoter.rollback(reason="three")
    deployed.clock.advance(timedelta(hours=1))
    enqueue_notifications(deployed.ports, deployed.ledger.read(), deployed.clock.now())
    (alone,) = claim_all(deployed)
    assert alone.title.startswith("tires: version 2 was rolled back"), "one is told as it is"


def claim_all(system: FakeSystem) -> list[Message]:
    found = []
    while (claimed := system.outbox.claim()) is not None:
        found.append(claimed.message)
    return found
