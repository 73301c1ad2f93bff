"""kill -9 before or after any step, any number of times: the end is that of an undisturbed run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.loop.journal import Journal, Killed
from tests.loop.miniature import MakeWorld, World

from retread.bundle import CauseKind
from retread.loop.retraining import retrain

deaths = st.sets(st.tuples(st.integers(0, 18), st.booleans()), max_size=8)


def undisturbed(world: World, make_journal: type[Journal], worse: float) -> object:
    return disturbed(world, make_journal, worse, set())


def disturbed(
    world: World, make_journal: type[Journal], worse: float, deaths: set[tuple[int, bool]]
) -> object:
    """A first model, then a retraining by drift that dies as `deaths` say."""
    retrain(world.ask(), world.ports, make_journal())
    world.data.labels = 60
    world.canary.worse = worse
    trigger = world.ask(CauseKind.DRIFT)
    journal = make_journal()
    journal.deaths = set(deaths)
    while True:
        journal.restart()
        try:
            retrain(trigger, world.ports, journal)
        except Killed:
            continue
        return world.summary()


@pytest.mark.parametrize("worse", [0.0, 0.5])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deaths=deaths)
def test_any_deaths_leave_the_same_end(
    make_world: MakeWorld, make_journal: type[Journal], worse: float, deaths: set[tuple[int, bool]]
) -> None:
    expected = undisturbed(make_world(), make_journal, worse)
    assert disturbed(make_world(), make_journal, worse, deaths) == expected


@pytest.mark.parametrize("worse", [0.0, 0.5])
def test_death_after_every_effect(
    make_world: MakeWorld, make_journal: type[Journal], worse: float
) -> None:
    """The worst place: the effect is there, its checkpoint is not."""
    every = {(number, True) for number in range(19)}
    expected = undisturbed(make_world(), make_journal, worse)
    assert disturbed(make_world(), make_journal, worse, every) == expected
