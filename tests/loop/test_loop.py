"""The loop with its durable engine: looks, asks, starts, settles, stops."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.loop.miniature import MakeWorld, World

from retread.bundle import CauseKind
from retread.loop import fold_history
from retread.loop.loop import Loop
from retread.loop.ports import LoopPorts
from retread.loop.waiting import Waiting
from retread.notify import Message
from retread.registry.events import DegradationDetected, DriftDetected, Event, RetrainingFinished

HOUR = timedelta(hours=1)


class ScriptedMonitor:
    """Appends what it is given, once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.next: list[Event] = []

    def step(self) -> Sequence[Event]:
        found, self.next = self.next, []
        if found:
            self._world.ledger.append(*found)
        return found


class Told:
    """A notifier that remembers."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def send(self, message: Message) -> None:
        self.titles.append(message.title)


class Running:
    """A loop over a world, with what it is fed by."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.waiting = Waiting()
        self.monitor = ScriptedMonitor(world)
        self.told = Told()
        self.loop = Loop(
            self.ports,
            self.monitor,
            {"slack": self.told},
            f"sqlite:///{folder / 'workflows.db'}",
            new_trigger_id=lambda: f"trg_{next(world.ids)}",
        )

    @property
    def ports(self) -> LoopPorts:

        return dataclasses.replace(self.world.ports, waiting=self.waiting)

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.world.events(RetrainingFinished)]

    @contextmanager
    def started(self) -> Iterator[Loop]:
        self.loop.start()
        try:
            yield self.loop
        finally:
            self.loop.stop()


@pytest.fixture
def running(world: World, tmp_path: Path) -> Running:
    return Running(world, tmp_path)


def drift(version: int = 1, window: int = 4, *streams: str) -> DriftDetected:
    names = streams or ("light",)
    return DriftDetected(
        version=version,
        detector="conformal",
        window=window,
        streams=names,
        evidence=dict.fromkeys(names, 100.0),
        effect=dict.fromkeys(names, 0.5),
        requests=400,
    )


def test_drift_becomes_a_better_model(running: Running) -> None:
    with running.started() as loop:
        running.world.ask()
        loop.step()
        assert loop.settle(20)
        running.world.clock.advance(HOUR)
        running.monitor.next = [drift()]
        (request,) = loop.step()
        assert (request.proposal.kind, request.accepted) == (CauseKind.DRIFT, True)
        assert loop.settle(20)
        assert loop.step() == (), "the same alarm asks for nothing again"
    assert running.outcomes() == ["promoted", "promoted"]
    assert running.world.models.state().production == 2


def test_settles_when_all_traffic_was_read_and_goes_on_with_more(running: Running) -> None:
    world = running.world
    with running.started() as loop:
        world.ask()
        loop.step()
        assert loop.settle(20)
        world.canary.left = 0
        world.ask()
        loop.step()
        assert loop.settle(20)
        assert (loop.waiting_for, running.outcomes()) == ("traffic", ["promoted"])
        assert loop.settle(20), "and again, when nothing came"
        world.canary.left = 10_000
        assert loop.settle(20)
        assert (loop.waiting_for, running.outcomes()) == ("", ["promoted", "promoted"])


def test_one_at_a_time_in_the_order_of_asking(running: Running) -> None:
    world = running.world
    triggers = [world.ask(), world.ask()]
    with running.started() as loop:
        loop.step()
        assert loop.settle(20)
        assert running.outcomes() == ["promoted"]
        assert list(world.training.done) == [f"{triggers[0]}/1", f"{triggers[0]}/2"]
        loop.step()
        assert loop.settle(20)
    assert [r.outcome for r in fold_history(world.ledger.read())] == ["promoted", "promoted"]


def test_alarm_in_the_cooldown_is_answered_after_it(running: Running) -> None:
    world = running.world
    with running.started() as loop:
        world.ask()
        loop.step()
        loop.settle(20)
        running.monitor.next = [drift()]
        (put_off,) = loop.step()
        assert put_off.decision == "cooldown"
        (still,) = loop.step()
        assert still.decision == "cooldown"
        world.clock.advance(HOUR)
        (now,) = loop.step()
        assert (now.trigger, now.accepted) == (put_off.trigger, True)
        loop.settle(20)


def test_restart_takes_up_where_it_stopped(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    world.canary.left = 0
    first = Running(world, tmp_path)
    with first.started() as loop:
        for _ in range(2):
            world.ask()
            loop.step()
            assert loop.settle(20)
        assert loop.waiting_for == "traffic"
    starts = world.training.starts
    world.canary.left = 10_000
    second = Running(world, tmp_path)
    with second.started() as loop:
        loop.step()
        assert loop.settle(30)
    assert second.outcomes() == ["promoted", "promoted"]
    assert world.training.starts == starts, "no run was started again"


def test_changed_source_is_versioned_and_trained_on(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(triggers={"watch_source": True})
    running = Running(world, tmp_path)
    with running.started() as loop:
        world.data.source = "fingerprint 1"
        (request,) = loop.step()
        assert request.proposal.detail == "tires@2 came in"
        assert loop.settle(20)
        assert loop.step() == ()
    assert len(world.data.versions) == 2


def test_alarms_are_told_once_by_what_they_name(running: Running) -> None:
    world = running.world
    degraded = DegradationDetected(
        version=1, metric="Accuracy", expected=0.9, observed=0.7, labels=100
    )
    running.monitor.next = [
        drift(1, 4, "light"),
        drift(1, 5, "light"),
        drift(1, 6, "light", "sharpness"),
        degraded,
        degraded,
    ]
    with running.started() as loop:
        loop.step()
    assert world.told() + running.told.titles == [
        "tires: the traffic has changed",
        "tires: the traffic has changed",
        "tires: version 1 is doing worse",
    ]


def test_runs_until_it_is_stopped(running: Running) -> None:
    stop = threading.Event()
    with running.started() as loop:
        thread = threading.Thread(target=loop.run, args=(stop, 0.01))
        thread.start()
        running.world.ask()
        while not running.outcomes():
            stop.wait(0.02)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
