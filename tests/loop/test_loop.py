"""The loop with its durable engine: it watches, decides, starts, waits and stops."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.loop.fake_system import FakeSystem, MakeSystem

from retread.bundle import CauseKind
from retread.core import IntegrityBroken, Unavailable
from retread.loop import engine, fold_history
from retread.loop.idempotency import record_dataset_version
from retread.loop.loop import Loop
from retread.loop.ports import LoopPorts
from retread.loop.wait_point import WaitPoint, WaitReason
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


class FakeMonitor:
    """Appends the events in `next`, once."""

    def __init__(self, system: FakeSystem) -> None:
        self._system = system
        self.next: list[Event] = []

    def step(self) -> Sequence[Event]:
        found, self.next = self.next, []
        if found:
            self._system.ledger.append(*found)
        return found


class FakeNotifier:
    """Remembers the titles of its messages."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def send(self, message: Message) -> None:
        self.titles.append(message.title)


class RunningLoop:
    """A loop over a fake system, and what it reads from and sends to."""

    def __init__(self, system: FakeSystem, folder: Path) -> None:
        self.system = system
        self.wait_point = WaitPoint()
        self.monitor = FakeMonitor(system)
        self.notifier = FakeNotifier()
        self.loop = Loop(
            self.ports,
            self.monitor,
            {"slack": self.notifier},
            f"sqlite:///{folder / 'workflows.db'}",
            folder / "run" / "loop.json",
            new_trigger_id=lambda: f"trg_{next(system.ids)}",
        )

    @property
    def ports(self) -> LoopPorts:
        return dataclasses.replace(self.system.ports, wait_point=self.wait_point)

    def outcomes(self) -> list[str]:
        return [event.outcome for event in self.system.events(RetrainingFinished)]

    @contextmanager
    def started(self) -> Iterator[Loop]:
        self.loop.start()
        try:
            yield self.loop
        finally:
            self.loop.stop()


@pytest.fixture
def running(system: FakeSystem, tmp_path: Path) -> RunningLoop:
    return RunningLoop(system, tmp_path)


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


def test_drift_becomes_a_better_model(running: RunningLoop) -> None:
    with running.started() as loop:
        running.system.request()
        loop.step()
        assert loop.wait_until_idle(20)
        running.system.clock.advance(HOUR)
        running.monitor.next = [drift()]
        (request,) = loop.step()
        assert (request.proposal.kind, request.accepted) == (CauseKind.DRIFT, True)
        assert loop.wait_until_idle(20)
        assert loop.step() == (), "the same alarm starts nothing again"
    assert running.outcomes() == ["promoted", "promoted"]
    assert running.system.state.production == 2


def test_it_is_idle_once_all_traffic_was_read_and_continues_with_more(running: RunningLoop) -> None:
    system = running.system
    with running.started() as loop:
        system.request()
        loop.step()
        assert loop.wait_until_idle(20)
        system.canary.left = 0
        system.request()
        loop.step()
        assert loop.wait_until_idle(20)
        assert (loop.waiting_for, running.outcomes()) == (WaitReason.TRAFFIC, ["promoted"])
        assert loop.wait_until_idle(20), "it is still idle when nothing was recorded"
        system.canary.left = 10_000
        assert loop.wait_until_idle(20)
        assert (loop.waiting_for, running.outcomes()) == (None, ["promoted", "promoted"])


def test_retrainings_run_one_at_a_time_in_the_order_of_their_requests(running: RunningLoop) -> None:
    system = running.system
    triggers = [system.request(), system.request()]
    with running.started() as loop:
        loop.step()
        assert loop.wait_until_idle(20)
        assert running.outcomes() == ["promoted"]
        assert list(system.training.done) == [f"{triggers[0]}/1", f"{triggers[0]}/2"]
        loop.step()
        assert loop.wait_until_idle(20)
    assert [r.outcome for r in fold_history(system.ledger.read())] == ["promoted", "promoted"]


def test_an_alarm_in_the_cooldown_is_accepted_after_it(running: RunningLoop) -> None:
    system = running.system
    with running.started() as loop:
        system.request()
        loop.step()
        loop.wait_until_idle(20)
        running.monitor.next = [drift()]
        (deferred,) = loop.step()
        assert deferred.decision == "cooldown"
        (still,) = loop.step()
        assert still.decision == "cooldown"
        system.clock.advance(HOUR)
        (now,) = loop.step()
        assert (now.trigger, now.accepted) == (deferred.trigger, True)
        loop.wait_until_idle(20)


@pytest.mark.slow
def test_a_restart_continues_where_the_loop_stopped(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    system = make_system()
    system.canary.left = 0
    first = RunningLoop(system, tmp_path)
    with first.started() as loop:
        for _ in range(2):
            system.request()
            loop.step()
            assert loop.wait_until_idle(20)
        assert loop.waiting_for is WaitReason.TRAFFIC
    starts = system.training.starts
    system.canary.left = 10_000
    second = RunningLoop(system, tmp_path)
    with second.started() as loop:
        loop.step()
        assert loop.wait_until_idle(30)
    assert second.outcomes() == ["promoted", "promoted"]
    assert system.training.starts == starts, "no run was started again"


def test_a_changed_source_is_added_and_trained_on(make_system: MakeSystem, tmp_path: Path) -> None:
    system = make_system(triggers={"watch_source": True})
    running = RunningLoop(system, tmp_path)
    with running.started() as loop:
        system.request()
        loop.step()
        assert loop.wait_until_idle(20)
        system.clock.advance(HOUR)
        system.data.source = "half of it"
        assert loop.step() == ()
        system.data.source = "fingerprint 1"
        assert loop.step() == (), "it may still change"
        (request,) = loop.step()
        assert request.proposal.detail == "tires@2 was added"
        assert loop.wait_until_idle(20)
        assert loop.step() == ()
    assert len(system.data.versions) == 2


def test_a_source_that_meets_a_conflict_is_added_at_the_next_check(
    make_system: MakeSystem, tmp_path: Path
) -> None:
    system = make_system(triggers={"watch_source": True})
    system.data.source, system.data.conflicts = "fingerprint 1", 1
    with RunningLoop(system, tmp_path).started() as loop:
        for versions in (1, 1, 2, 2):
            loop.step()
            assert len(system.data.versions) == versions


def test_added_data_is_trained_on_once_a_version_is_in_production(running: RunningLoop) -> None:
    system = running.system
    with running.started() as loop:
        record_dataset_version(system.ledger, system.data.add_source())
        assert loop.step() == (), "the first model is for the user to decide"
        system.request()
        loop.step()
        assert loop.wait_until_idle(20)
        system.clock.advance(HOUR)
        record_dataset_version(system.ledger, system.data.add_source())
        (request,) = loop.step()
        assert (request.proposal.detail, request.accepted) == ("tires@3 was added", True)
        assert loop.wait_until_idle(20)
        system.clock.advance(HOUR)
        assert loop.step() == ()
    assert running.outcomes() == ["promoted", "promoted"]


@pytest.mark.parametrize(
    "error",
    [ValueError("a detector of the user's own"), IntegrityBroken("0")],
    ids=["unexpected error", "error of Retread"],
)
def test_a_part_that_fails_does_not_stop_the_others(
    make_system: MakeSystem, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    running = RunningLoop(make_system(triggers={"watch_source": True}), tmp_path)

    def fails() -> Sequence[Event]:
        raise error

    def vanished() -> str:
        raise FileNotFoundError("photo.jpg")

    running.monitor.step = fails  # type: ignore[method-assign] # it breaks
    running.system.data.fingerprint = vanished  # type: ignore[method-assign] # it breaks
    with running.started() as loop:
        running.system.request()
        loop.step()
        assert loop.wait_until_idle(20)
    assert running.outcomes() == ["promoted"]
    assert str(error) in caplog.text
    assert "photo.jpg" in caplog.text


def test_a_promotion_whose_promoter_was_killed_is_settled(running: RunningLoop) -> None:
    """After `kill -9` of `retread promote`, servers serve a version that is not in production."""
    system = running.system
    with running.started() as loop:
        for _ in range(2):
            system.request()
            loop.step()
            assert loop.wait_until_idle(20)
        opened = SlotAssigned(
            slot=Slot.PRODUCTION,
            version=1,
            bundle=system.state.version(1).bundle,
            generation=system.state.generation + 1,
        )
        system.ledger.append(opened)
        loop.step()
        before = system.state
        system.clock.advance(HOUR)
        loop.step()
    assert before.promotion is not None, "its promoter may still complete it"
    after = system.state
    assert (after.promotion, after.production) == (None, 1)


@pytest.mark.slow
def test_newer_code_starts_open_workflows_again(
    make_system: MakeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = make_system()
    system.canary.left = 0
    with RunningLoop(system, tmp_path).started() as loop:
        for _ in range(2):
            system.request()
            loop.step()
            assert loop.wait_until_idle(20)
        assert loop.waiting_for is WaitReason.TRAFFIC
    starts = system.training.starts
    system.canary.left = 10_000
    monkeypatch.setattr("retread.loop.loop.WORKFLOW_VERSION", "of tomorrow")
    second = RunningLoop(system, tmp_path)
    with second.started() as loop:
        loop.step()
        assert loop.wait_until_idle(30)
    assert second.outcomes() == ["promoted", "promoted"]
    assert system.training.starts == starts, "no run was started again"


def test_a_step_that_fails_every_retry_reports_its_error(
    running: RunningLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_RETRIES", 2)
    monkeypatch.setattr(engine, "_RETRY_S", 0.01)
    running.system.training.breaks = Unavailable("The database does not answer.")
    with running.started() as loop:
        running.system.request()
        loop.step()
        assert loop.wait_until_idle(30)
    (finished,) = running.system.events(RetrainingFinished)
    assert (finished.outcome, finished.reason) == ("failed", "The database does not answer.")


def test_alarms_are_announced_once_per_stream_and_metric(running: RunningLoop) -> None:
    system = running.system
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
    assert running.notifier.titles + system.new_titles() == [
        "tires: the traffic has changed",
        "tires: the traffic has changed",
        "tires: version 1 performs worse than expected",
    ]


def test_it_runs_until_it_is_stopped(running: RunningLoop) -> None:
    stop = threading.Event()
    with running.started() as loop:
        thread = threading.Thread(target=loop.run, args=(stop, 0.01))
        thread.start()
        running.system.request()
        while not running.outcomes():
            stop.wait(0.02)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
