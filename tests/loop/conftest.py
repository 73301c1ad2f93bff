"""Fake systems, and databases of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import database_url, postgres
from tests.loop.fake_system import (
    START,
    FakeCanary,
    FakeData,
    FakeGate,
    FakeRegistry,
    FakeSystem,
    FakeTraining,
    InstantWaitPoint,
    MakeSteps,
    MakeSystem,
)
from tests.loop.in_memory_steps import InMemorySteps

from retread.core import Database, ManualClock
from retread.loop.outbox import Outbox
from retread.project import Settings
from retread.registry import Promoter, SqlLedger, SqlServerDirectory

__all__ = ["database_url", "postgres"]


@pytest.fixture
def make_system(tmp_path: Path) -> Iterator[MakeSystem]:
    """Make any number of systems; the arguments are sections of the settings by name."""
    databases: list[Database] = []

    def make(**sections: dict[str, object]) -> FakeSystem:
        database = Database(f"sqlite:///{tmp_path / f'{len(databases)}.db'}")
        database.create_tables()
        databases.append(database)
        clock = ManualClock(START)
        settings = Settings.model_validate(
            {"data": {"dataset": "tires"}, "project": {"name": "tires"}, **sections}
        )
        ledger = SqlLedger(database, clock)
        servers = SqlServerDirectory(database, clock)
        training = FakeTraining()
        return FakeSystem(
            database=database,
            clock=clock,
            settings=settings,
            ledger=ledger,
            outbox=Outbox(database, clock, ["slack"]),
            data=FakeData(),
            training=training,
            registry=FakeRegistry(ledger, training),
            servers=servers,
            promoter=Promoter(ledger, servers, clock, lambda _: None),
            gate=FakeGate(ledger),
            canary=FakeCanary(settings),
            wait_point=InstantWaitPoint(clock),
            ids=iter(range(1, 10_000)),
        )

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def system(make_system: MakeSystem) -> FakeSystem:
    return make_system()


@pytest.fixture
def steps() -> InMemorySteps:
    return InMemorySteps()


@pytest.fixture
def make_steps() -> MakeSteps:
    return InMemorySteps
