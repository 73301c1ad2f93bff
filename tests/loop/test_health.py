"""A part of the loop that fails is written down and announced, and so is its recovery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.loop.fake_system import FakeSystem

from retread.core import RetreadError, Unavailable
from retread.loop.health import FAILURES_TO_ANNOUNCE, PartRunner, read_health
from retread.loop.loop import SourceWatcher

MINUTE = timedelta(minutes=1)


class Breaking:
    """Work that fails while it has an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self) -> str:
        if self.error:
            raise self.error
        return "done"


@pytest.fixture
def make_runner(system: FakeSystem, tmp_path: Path) -> Callable[[], PartRunner]:
    def make() -> PartRunner:
        context = system.ports.message_context
        return PartRunner(tmp_path / "loop.json", system.clock, system.outbox, context, ["slack"])

    return make


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("width"), "KeyError: 'width'"),
        (Unavailable("The database does not respond.", "Wait."), "does not respond. Wait."),
    ],
    ids=["unforeseen", "known"],
)
def test_u01_a_part_that_goes_on_failing_is_announced_once_and_its_recovery_too(
    system: FakeSystem,
    make_runner: Callable[[], PartRunner],
    tmp_path: Path,
    error: Exception,
    text: str,
) -> None:
    work = Breaking()
    work.error = error
    started = system.clock.now()
    for step in range(1, FAILURES_TO_ANNOUNCE + 3):
        runner = make_runner()  # the loop is restarted each time: since and count go on
        assert runner.attempt("The monitor", work) is None
        assert runner.attempt("The arbiter", lambda: 1) == 1
        runner.end_step()
        health = read_health(tmp_path / "loop.json")
        assert health is not None
        (failure,) = health.failures
        assert (failure.part, failure.since, failure.failures) == ("The monitor", started, step)
        assert text in failure.error
        system.clock.advance(MINUTE)
    (announced,) = system.new_messages()
    assert announced.title == "tires: the monitor fails"
    assert text in announced.lines[0]

    work.error = None
    runner = make_runner()
    assert runner.attempt("The monitor", work) == "done"
    runner.end_step()
    health = read_health(tmp_path / "loop.json")
    assert health is not None
    assert (health.failures, health.notifiers) == ((), ("slack",))
    assert system.new_titles() == ["tires: the monitor works again"]


def test_u01_one_failure_is_written_and_not_announced(
    system: FakeSystem, make_runner: Callable[[], PartRunner], tmp_path: Path
) -> None:
    runner, work = make_runner(), Breaking()
    work.error = Unavailable("busy")
    runner.attempt("The monitor", work)
    runner.end_step()
    health = read_health(tmp_path / "loop.json")
    assert health is not None
    assert len(health.failures) == 1
    work.error = None
    runner.attempt("The monitor", work)
    runner.end_step()
    assert system.new_titles() == []


def test_u01_a_part_that_is_switched_off_does_not_fail_for_ever(
    make_runner: Callable[[], PartRunner], tmp_path: Path
) -> None:
    runner, work = make_runner(), Breaking()
    work.error = RetreadError("unreadable")
    runner.attempt("Watching [data] source", work)
    runner.end_step()
    later = make_runner()
    later.attempt("The monitor", lambda: None)
    later.end_step()
    health = read_health(tmp_path / "loop.json")
    assert health is not None
    assert health.failures == ()


def test_u01_a_source_that_cannot_be_added_fails_until_it_changes(system: FakeSystem) -> None:
    watcher = SourceWatcher(system.data, system.ledger)
    system.data.source = "photos@1"
    refusal = RetreadError("Row 7 has no label.")
    reads = []

    def refused() -> None:
        reads.append(1)
        raise refusal

    add, system.data.add_source = system.data.add_source, refused  # type: ignore[method-assign,assignment]  # it is refused
    watcher.check()
    for _ in range(3):
        with pytest.raises(RetreadError, match="Row 7"):
            watcher.check()
    assert len(reads) == 1, "it is not read again before it changes"
    system.data.add_source = add  # type: ignore[method-assign]  # it is mended
    system.data.source = "photos@2"
    watcher.check()
    watcher.check()
