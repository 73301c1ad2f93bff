"""The contract of Ledger and ServerDirectory, on each kind of database."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.registry.harness import opened_database

from retread.bundle import Cause
from retread.core import Conflict, Database, ManualClock, SystemClock
from retread.registry import (
    Applied,
    Entry,
    Ledger,
    Promoter,
    ServerDirectory,
    SqlLedger,
    SqlServerDirectory,
)
from retread.registry.events import (
    Event,
    Slot,
    VersionArchived,
    VersionRegistered,
    VersionStaged,
    decode_event,
    encode_event,
)
from retread.registry.ledger import GENESIS


@pytest.fixture
def opened(database_url: str) -> Iterator[Database]:
    with opened_database(database_url) as database:
        yield database


@pytest.fixture
def any_ledger(opened: Database, clock: ManualClock) -> Ledger:
    return SqlLedger(opened, clock)


@pytest.fixture
def directory(opened: Database, clock: ManualClock) -> ServerDirectory:
    return SqlServerDirectory(opened, clock)


def staged(number: int) -> VersionStaged:
    return VersionStaged(version=number)


def test_events_come_back_in_order_and_linked(any_ledger: Ledger, clock: ManualClock) -> None:
    first, second = any_ledger.append(staged(1), VersionArchived(version=2, reason="ä 'x' \n"))
    clock.advance(timedelta(seconds=1))
    (third,) = any_ledger.append(staged(3))
    assert any_ledger.read() == (first, second, third)
    assert [entry.sequence for entry in any_ledger.read()] == [1, 2, 3]
    assert third.at - first.at == timedelta(seconds=1)
    assert len({GENESIS, first.hash, second.hash, third.hash}) == 4
    assert any_ledger.read(after=2) == (third,)
    assert any_ledger.read(after=3) == ()
    assert any_ledger.verify() == 3


def test_another_process_sees_what_was_appended(
    any_ledger: Ledger, opened: Database, clock: ManualClock
) -> None:
    other = SqlLedger(opened, clock)
    assert other.read() == ()
    any_ledger.append(staged(1))
    other.append(staged(2))
    any_ledger.append(staged(3))
    assert other.read() == any_ledger.read()
    assert SqlLedger(opened, clock).verify() == 3


def test_a_decision_that_raises_appends_nothing(any_ledger: Ledger) -> None:
    def refuse(entries: Sequence[Entry]) -> Sequence[Event]:
        raise Conflict("no")

    with pytest.raises(Conflict):
        any_ledger.transact(refuse)
    assert any_ledger.transact(lambda _: ()) == ()
    assert any_ledger.read() == ()
    assert any_ledger.verify() == 0


def test_nothing_is_appended_during_a_decision(database_url: str, clock: ManualClock) -> None:
    """Eight writers count up; a lost update would repeat a number."""
    failures: list[BaseException] = []

    def count(shared: Ledger | None) -> None:
        try:
            with opened_database(database_url) as database:
                ledger = shared or SqlLedger(database, clock)
                for _ in range(10):
                    ledger.transact(lambda entries: (staged(len(entries)),))
        except BaseException as error:
            failures.append(error)

    with opened_database(database_url) as database:
        shared = SqlLedger(database, clock)
        threads = [
            threading.Thread(target=count, args=(shared if n % 2 else None,)) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        events = [entry.event for entry in shared.read()]
        assert events == [staged(number) for number in range(80)]
        assert shared.verify() == 80


def test_reading_again_costs_only_what_is_new(any_ledger: Ledger, opened: Database) -> None:
    any_ledger.append(*[staged(number) for number in range(500)])
    before = any_ledger.read()
    any_ledger.append(staged(500))
    after = any_ledger.read()
    assert all(old is new for old, new in zip(before, after, strict=False)), "decoded once"


def test_servers_are_live_while_they_announce(
    directory: ServerDirectory, clock: ManualClock
) -> None:
    applied = {Slot.PRODUCTION: Applied(generation=3, bundle="sha256:ab")}
    directory.announce("b", {})
    directory.announce("a", applied)
    clock.advance(timedelta(seconds=3))
    directory.announce("b", {Slot.CANARY: Applied(generation=4, bundle=None, error="no")})
    live = directory.live()
    assert [status.server_id for status in live] == ["a", "b"]
    assert live[0].applied == applied
    assert live[0].age_s == pytest.approx(3)
    clock.advance(timedelta(seconds=3))
    assert [status.server_id for status in directory.live()] == ["b"]
    directory.forget("b")
    directory.forget("never there")
    assert directory.live() == ()


def test_a_clock_that_goes_back_does_not_keep_the_dead_alive(
    directory: ServerDirectory, clock: ManualClock
) -> None:
    directory.announce("a", {})
    clock.advance(timedelta(hours=-1))
    assert directory.live() == ()
    directory.announce("a", {})
    assert [status.server_id for status in directory.live()] == ["a"]


def test_processes_that_start_together_create_the_tables_once(database_url: str) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(6)

    def start() -> None:
        database = Database(database_url)
        try:
            together.wait()
            database.create_tables()
            assert SqlLedger(database, SystemClock()).read() == ()
        except BaseException as error:
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_servers_announce_at_once(database_url: str, clock: ManualClock) -> None:
    failures: list[BaseException] = []

    def announce(server_id: str) -> None:
        try:
            with opened_database(database_url) as database:
                for generation in range(5):
                    applied = {Slot.PRODUCTION: Applied(generation=generation, bundle=None)}
                    SqlServerDirectory(database, clock).announce(server_id, applied)
        except BaseException as error:
            failures.append(error)

    with opened_database(database_url) as database:
        threads = [threading.Thread(target=announce, args=(f"s{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        live = SqlServerDirectory(database, clock).live()
    assert [status.applied[Slot.PRODUCTION].generation for status in live] == [4] * 6


def test_of_racing_promoters_one_wins(database_url: str, opened: Database) -> None:
    """Each promoter has its own connection."""
    shared = SqlLedger(opened, SystemClock())
    shared.append(*[registration(number) for number in range(1, 6)])
    start = threading.Barrier(5)
    outcomes: list[str] = []

    def race(number: int) -> None:
        with opened_database(database_url) as database:
            clock = SystemClock()
            servers = SqlServerDirectory(database, clock)
            promoter = Promoter(SqlLedger(database, clock), servers, clock)
            start.wait()
            try:
                promoter.promote(number, force_reason="a race", expected_generation=0)
                outcomes.append("won")
            except Conflict:
                outcomes.append("conflict")
            except BaseException as error:
                outcomes.append(repr(error))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 4 + ["won"]
    assert shared.verify() == len(shared.read())


def registration(number: int) -> VersionRegistered:
    return VersionRegistered(
        version=number,
        bundle=f"sha256:{number:064x}",
        run_id=f"run_{number}",
        model_type="cnn",
        dataset="data",
        dataset_version=1,
        validation={},
        metrics={},
        cause=Cause(),
    )


@given(version=st.integers(0, 2**31), reason=st.text())
def test_events_survive_encoding(version: int, reason: str) -> None:
    event = VersionArchived(version=version, reason=reason)
    assert decode_event(encode_event(event)) == event


def test_every_event_names_its_actor(opened: Database, clock: ManualClock) -> None:
    """One that has an actor keeps it; the first ledgers have none."""
    ledger = SqlLedger(opened, clock, actor="ann")
    ledger.append(VersionStaged(version=1), VersionStaged(version=2, actor="loop"))
    SqlLedger(opened, clock).append(VersionStaged(version=3))
    read = SqlLedger(opened, clock)
    assert [entry.event.actor for entry in read.read()] == ["ann", "loop", ""]
    assert read.verify() == 3
    assert b"actor" not in encode_event(VersionStaged(version=3))
