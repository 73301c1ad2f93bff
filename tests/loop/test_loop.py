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
from retread.core import IntegrityBroken, Unavailable
from retread.loop import engine, fold_history
from retread.loop.loop import Loop
from retread.loop.ports import LoopPorts
from retread.loop.record_data import record_version
from retread.loop.waiting import WaitPoint
from retread.notify import Message
from retread.registry.events import (
    DegradationDetected,
    DriftDetected,
    Event,
    RetrainingFinished,
    Slot,
    SlotAssigned,
)

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
        self.waiting = WaitPoint()
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
        world.ask()
        loop.step()
        assert loop.settle(20)
        world.clock.advance(HOUR)
        world.data.source = "half of it"
        assert loop.step() == ()
        world.data.source = "fingerprint 1"
        assert loop.step() == (), "it may still be changing"
        (request,) = loop.step()
        assert request.proposal.detail == "tires@2 came in"
        assert loop.settle(20)
        assert loop.step() == ()
    assert len(world.data.versions) == 2


def test_source_that_another_add_came_before_is_added_with_the_next_look(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    world = make_world(triggers={"watch_source": True})
    world.data.source, world.data.conflicts = "fingerprint 1", 1
    with Running(world, tmp_path).started() as loop:
        for versions in (1, 1, 2, 2):
            loop.step()
            assert len(world.data.versions) == versions


def test_data_added_by_hand_is_trained_on_beside_a_production(running: Running) -> None:
    world = running.world
    with running.started() as loop:
        record_version(world.ledger, world.data.add_source())
        assert loop.step() == (), "the first model is a person's decision"
        world.ask()
        loop.step()
        assert loop.settle(20)
        world.clock.advance(HOUR)
        record_version(world.ledger, world.data.add_source())
        (request,) = loop.step()
        assert (request.proposal.detail, request.accepted) == ("tires@3 came in", True)
        assert loop.settle(20)
        world.clock.advance(HOUR)
        assert loop.step() == ()
    assert running.outcomes() == ["promoted", "promoted"]


@pytest.mark.parametrize("error", [ValueError("a detector of the user's"), IntegrityBroken("0")])
def test_a_part_that_fails_keeps_no_other_from_its_work(
    make_world: MakeWorld, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    running = Running(make_world(triggers={"watch_source": True}), tmp_path)

    def fails() -> Sequence[Event]:
        raise error

    def vanished() -> str:
        raise FileNotFoundError("photo.jpg")

    running.monitor.step = fails  # type: ignore[method-assign] # it breaks
    running.world.data.fingerprint = vanished  # type: ignore[method-assign] # it breaks
    with running.started() as loop:
        running.world.ask()
        loop.step()
        assert loop.settle(20)
    assert running.outcomes() == ["promoted"]
    assert str(error) in caplog.text
    assert "photo.jpg" in caplog.text


def test_a_promotion_whose_promoter_died_is_settled(running: Running) -> None:
    """kill -9 of `retread produce`: the servers answer with what is not in production."""
    world = running.world
    with running.started() as loop:
        for _ in range(2):
            world.ask()
            loop.step()
            assert loop.settle(20)
        opened = SlotAssigned(
            slot=Slot.PRODUCTION,
            version=1,
            bundle=world.models.state().version(1).bundle,
            generation=world.models.state().generation + 1,
        )
        world.ledger.append(opened)
        loop.step()
        assert world.models.state().promotion is not None, "its promoter has its time"
        world.clock.advance(HOUR)
        loop.step()
    assert world.models.state().promotion is None
    assert world.models.state().production == 1


def test_newer_code_begins_what_was_open_anew(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.canary.left = 0
    with Running(world, tmp_path).started() as loop:
        for _ in range(2):
            world.ask()
            loop.step()
            assert loop.settle(20)
        assert loop.waiting_for == "traffic"
    starts = world.training.starts
    world.canary.left = 10_000
    monkeypatch.setattr(engine, "COURSE_VERSION", "of tomorrow")
    second = Running(world, tmp_path)
    with second.started() as loop:
        loop.step()
        assert loop.settle(30)
    assert second.outcomes() == ["promoted", "promoted"]
    assert world.training.starts == starts, "no run was started again"


def test_a_step_that_was_retried_in_vain_says_what_was_wrong(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_RETRIES", 2)
    monkeypatch.setattr(engine, "_RETRY_S", 0.01)
    running.world.training.breaks = Unavailable("The database does not answer.")
    with running.started() as loop:
        running.world.ask()
        loop.step()
        assert loop.settle(30)
    (finished,) = running.world.events(RetrainingFinished)
    assert (finished.outcome, finished.reason) == ("failed", "The database does not answer.")


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
    assert running.told.titles + world.told() == [
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
