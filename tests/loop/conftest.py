"""Worlds in miniature, databases of every kind, and a webhook's receiving end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.databases import database_url, postgres
from tests.loop.journal import Journal
from tests.loop.miniature import (
    START,
    MakeWorld,
    PatientWaiting,
    ScriptedCanary,
    ScriptedData,
    ScriptedModels,
    ScriptedTraining,
    World,
    without_syncing,
)

from retread.core import Database, ManualClock
from retread.loop.outbox import Outbox
from retread.project import Settings
from retread.registry import SqlLedger

__all__ = ["database_url", "postgres"]


@pytest.fixture
def make_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorld]:
    """Makes as many worlds as a test wants; sections of the settings by name."""
    databases: list[Database] = []
    # Processes die in these tests, machines do not; without this they wait for the disk only.
    monkeypatch.setattr(os, "fsync", lambda _: None)

    def make(**sections: dict[str, object]) -> World:
        database = Database(f"sqlite:///{tmp_path / f'{len(databases)}.db'}")
        event.listen(database._engine, "connect", without_syncing)
        database.create_tables()
        databases.append(database)
        clock = ManualClock(START)
        settings = Settings.model_validate(
            {"data": {"dataset": "tires"}, "project": {"name": "tires"}, **sections}
        )
        ledger = SqlLedger(database, clock)
        training = ScriptedTraining()
        return World(
            database=database,
            clock=clock,
            settings=settings,
            ledger=ledger,
            outbox=Outbox(database, clock, ["slack"]),
            data=ScriptedData(),
            training=training,
            models=ScriptedModels(ledger, database, clock),
            canary=ScriptedCanary(settings),
            waiting=PatientWaiting(clock),
            ids=iter(range(1, 10_000)),
        )

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def make_journal() -> Callable[[], Journal]:
    return Journal
