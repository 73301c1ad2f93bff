"""What the monitor knows of a version begins with its promotion, wherever a process is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, select
from tests.monitoring.harness import LABELS, MonitorHarness, manifest_of

from retread.bundle import REFERENCE, Cause, LocalBundleStore, Reference, encode_reference
from retread.core import Database, ManualClock
from retread.monitoring import restart_watch
from retread.monitoring.state import MONITOR_STATE
from retread.project import parse_settings
from retread.registry import Promoter, SqlLedger, SqlServerDirectory, fold
from retread.registry.events import DriftDetected, Event, VersionRegistered
from retread.serving import SegmentTrafficLog, SqlLabelStore
from retread.serving.traffic import Cursor, PredictionRecord

START = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process was killed."""


class DyingDatabase(Database):
    """Dies at one write, right before its commit or right after it."""

    die_at: int | None = None
    after_commit = False
    writes = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.writes += 1
        is_last = self.writes == self.die_at
        with super().write() as connection:
            yield connection
            if is_last and not self.after_commit:
                raise Killed
        if is_last:
            raise Killed


@dataclass
class World:
    """One process after another on the stores of one project."""

    folder: Path
    database: DyingDatabase

    def __post_init__(self) -> None:
        # The server that records the traffic is another process, and lives on.
        self.traffic = SegmentTrafficLog(self.folder / "traffic")
        self.restart()

    def restart(self) -> None:
        clock = ManualClock(START)
        self.ledger = SqlLedger(self.database, clock, on_append=(restart_watch,))
        self.harness = MonitorHarness(
            ledger=self.ledger,
            bundles=LocalBundleStore(self.folder / "bundles"),
            traffic=self.traffic,
            labels=SqlLabelStore(self.database),
            database=self.database,
            clock=clock,
            settings=parse_settings({"monitoring": {"window": 20}}, source="test"),
        )
        self.monitor = self.harness.monitor()
        servers = SqlServerDirectory(self.database, clock)
        self.promoter = Promoter(self.ledger, servers, clock)

    def register(self, version: int, reference: Reference) -> None:
        if version in fold(self.ledger.read()).versions:
            return
        files = {REFERENCE: encode_reference(reference)}
        manifest = manifest_of(files, {"Accuracy": 0.9}, LABELS, seed=version)
        bundle = self.harness.bundles.put(manifest, files)
        self.ledger.append(
            VersionRegistered(
                version=version,
                bundle=bundle,
                run_id=f"run_{version}",
                model_type="cnn",
                dataset="tires",
                dataset_version=1,
                validation={},
                metrics={"Accuracy": 0.9},
                cause=Cause(),
            )
        )

    def promote(self, version: int) -> None:
        self.promoter.recover()
        if fold(self.ledger.read()).production != version:
            self.promoter.promote(version, force_reason="a test")

    def outcome(self) -> tuple[list[Event], dict[str, bytes]]:
        with self.database.read() as connection:
            rows = {row.name: row.content for row in connection.execute(select(MONITOR_STATE))}
        return [entry.event for entry in self.ledger.read()], rows


def columns(rng: np.random.Generator, *names: str) -> Reference:
    """Draw a reference with these numeric columns."""
    drawn = {name: rng.normal(0.5, 0.1, size=60) for name in names}
    return Reference(numeric=drawn, categorical={}, embedding=np.zeros((60, 0), dtype=np.float32))


def story(world: World) -> Iterator[Callable[[], object]]:
    """Two promotions, to other columns, and back; less than one window is sent of the last."""
    rng = np.random.default_rng(3)
    first, second = columns(rng, "brightness"), columns(rng, "darkness", "width")

    def send(version: int, rows: int, prefix: str, brightness: float = 0.5) -> None:
        drawn = world.harness.records(
            rng, rows, prefix=prefix, version=version, brightness=brightness
        )
        world.harness.traffic.append(drawn)

    yield lambda: world.register(1, first)
    yield lambda: world.register(2, second)
    yield lambda: world.promote(1)
    yield lambda: world.monitor.step()
    send(1, 30, "a", 0.9)
    yield lambda: world.harness.labels.put([("a1", "good"), ("b1", "good")], 0.0)
    yield lambda: world.monitor.step()
    yield lambda: world.promote(2)
    send(2, 7, "b")
    yield lambda: world.monitor.step()
    send(2, 15, "c")
    yield lambda: world.monitor.step()
    yield lambda: world.promoter.recover() if back(world) else world.promoter.rollback()
    send(2, 3, "d")
    yield lambda: world.monitor.step()


def back(world: World) -> bool:
    state = fold(world.ledger.read())
    return state.production == 1 or state.promotion is not None


def play(folder: Path, die_at: int | None, *, after_commit: bool) -> World:
    folder.mkdir()
    database = DyingDatabase(f"sqlite:///{folder}/retread.db")
    database.create_tables()
    world = World(folder, database)
    database.die_at, database.after_commit = die_at, after_commit
    for act in story(world):
        try:
            act()
        except Killed:
            world.restart()
            act()
    database.close()
    return world


@pytest.mark.slow
@pytest.mark.parametrize("after_commit", [False, True], ids=["before the commit", "after it"])
def test_u01_a_kill_between_any_two_writes_changes_nothing(
    tmp_path: Path, after_commit: bool
) -> None:
    steady = play(tmp_path / "steady", None, after_commit=False)
    expected = steady.outcome()
    alarms = [event.version for event in expected[0] if isinstance(event, DriftDetected)]
    assert alarms == [1, 2]
    assert steady.database.writes > 10
    for number in range(1, steady.database.writes + 1):
        killed = play(tmp_path / str(number), number, after_commit=after_commit)
        assert killed.outcome() == expected, f"killed at write {number}"


def test_u01_after_a_promotion_to_other_columns_every_new_process_looks_on(tmp_path: Path) -> None:
    """Less than one window of the new version was seen before the restart."""
    (tmp_path / "project").mkdir()
    database = DyingDatabase(f"sqlite:///{tmp_path}/project/retread.db")
    database.create_tables()
    world, rng = World(tmp_path / "project", database), np.random.default_rng(1)
    world.register(1, columns(rng, "brightness"))
    world.register(2, columns(rng, "darkness", "width"))
    world.promote(1)
    world.harness.traffic.append(world.harness.records(rng, 50, prefix="a", brightness=0.9))
    world.monitor.step()
    world.promote(2)
    for number in range(4):
        world.monitor.step()
        records = world.harness.records(rng, 9, prefix=f"b{number}-", version=2)
        world.harness.traffic.append(records)
        world.monitor.step()
        world.restart()
    report = world.monitor.report()
    assert (report.version, report.windows, report.waiting) == (2, 1, 16)
    assert {stream.name for stream in report.streams} == {"darkness", "width"}
    # What version 1 answered before does not count when it comes back.
    world.promoter.rollback()
    world.harness.traffic.append(world.harness.records(rng, 50, prefix="late", brightness=0.9))
    world.monitor.step()
    assert world.monitor.report().requests == 0
    database.close()


def test_u01_evidence_of_the_version_before_does_not_count(
    harness: MonitorHarness, rng: np.random.Generator
) -> None:
    """With equal columns the evidence is that of a fresh start, also after a restart."""
    reference = harness.reference(rng)
    monitor = harness.monitor(min_effect=9.0)
    harness.promote(1, reference, {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 100, prefix="a", brightness=0.7))
    monitor.step()
    before = {s.name: s.evidence for s in monitor.report().streams}
    harness.promote(2, reference, {"Accuracy": 0.91})
    monitor.step()
    records = harness.records(rng, 60, prefix="b", version=2, brightness=0.56)
    harness.traffic.append(records[:10])
    monitor.step()
    restarted = harness.monitor(min_effect=9.0)
    harness.traffic.append(records[10:])
    restarted.step()
    seen = {s.name: s.evidence for s in restarted.report().streams}
    with harness.database.write() as connection:
        connection.execute(MONITOR_STATE.delete())
    fresh = {s.name: s.evidence for s in harness.monitor(min_effect=9.0).report().streams}
    assert seen == fresh
    assert seen["brightness"] < before["brightness"]


def test_u01_a_look_that_was_overtaken_by_a_promotion_stores_nothing(
    harness: MonitorHarness, rng: np.random.Generator, tmp_path: Path
) -> None:
    monitor = harness.monitor()
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 60, prefix="a", brightness=0.9))
    read = harness.traffic.read

    class Overtaken(SegmentTrafficLog):
        """Another process promotes while the traffic is read."""

        def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
            found = read(after, limit)
            if len(harness.ledger.read()) == 2:
                harness.promote(2, harness.reference(rng), {"Accuracy": 0.91})
                monitor.step()
            return found

    quick, harness.traffic = harness.traffic, Overtaken(tmp_path / "overtaken")
    late = harness.monitor()
    assert late.step() == ()
    harness.traffic = quick
    assert harness.monitor().report().version == 2
    assert not any(isinstance(entry.event, DriftDetected) for entry in harness.ledger.read())
