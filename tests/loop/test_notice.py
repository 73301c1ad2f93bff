"""What people are told of that no retraining tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.loop.journal import Journal
from tests.loop.miniature import World

from retread.core import Refused
from retread.loop.notice import notices
from retread.loop.retraining import retrain
from retread.registry import Applied
from retread.registry.events import DegradationDetected, DriftDetected, Event, Slot

DAY = timedelta(days=1)


@pytest.fixture
def deployed(world: World, make_journal: Callable[[], Journal]) -> World:
    """Versions 1 and 2 are registered, 2 is in production; all of it was told."""
    for _ in range(2):
        retrain(world.ask(), world.ports, make_journal())
    world.told()
    return world


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


def test_what_is_done_by_hand_is_told_once(deployed: World) -> None:
    deployed.models.promoter.rollback(reason="it was worse")
    deployed.models.override(2, "I was wrong")
    deployed.models.promoter.promote(2, reason="I was wrong")
    assert deployed.told() == [
        "tires: version 2 was rolled back, 1 is in production again",
        "tires: version 2 is in production",
    ]
    assert deployed.told() == []


def test_a_promotion_that_no_server_could_load_is_told(deployed: World) -> None:
    generation = deployed.models.state().generation + 1
    failed = Applied(generation=generation, bundle="", error="out of memory")
    deployed.models.servers.announce("full", {Slot.PRODUCTION: failed})
    with pytest.raises(Refused):
        deployed.models.promoter.rollback(reason="it was worse")
    assert deployed.told() == ["tires: version 1 did not come into production"]


def test_why_and_the_figures_stand_in_the_message(deployed: World) -> None:
    deployed.models.override(1, "I like it")
    deployed.models.promoter.promote(1, reason="I like it.")
    deployed.told()
    deployed.models.override(2, "I do not")
    deployed.models.promoter.promote(2, reason="I do not")
    (message,) = deployed.messages()
    assert message.lines == (
        "Why: I do not.",
        "Version 1 is kept; `retread rollback` brings it back.",
    )
    assert message.fields == {"Accuracy": "0.9"}


def test_whoever_sets_a_receiver_up_later_is_not_told_the_past(deployed: World) -> None:
    deployed.clock.advance(DAY + timedelta(hours=1))
    deployed.ledger.append(drift(), degraded())
    sender = deployed.ports.sender
    told = notices(deployed.ledger.read(), sender, deployed.clock.now())
    assert [message.title for _, message in told] == [
        "tires: the traffic has changed",
        "tires: version 1 is doing worse",
    ]


@pytest.mark.parametrize("alarm", [drift(), degraded()])
def test_an_alarm_after_a_return_is_told_again(deployed: World, alarm: Event) -> None:
    """It is about other traffic, though it may have the number of the first."""
    deployed.models.promoter.rollback()
    deployed.ledger.append(alarm, alarm)
    assert len(deployed.told()) == 2
    deployed.models.override(2, "a test")
    deployed.models.promoter.promote(2)
    deployed.models.promoter.rollback()
    deployed.ledger.append(alarm)
    assert len(deployed.told()) == 3
