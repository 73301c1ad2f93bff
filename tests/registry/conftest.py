"""Databases, bundles and fake servers as fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.databases import database_url, postgres
from tests.registry.harness import BundleMaker, FakeServers, RegistryHarness, opened_database

import retread.registry  # noqa: F401 (declares the tables)
from retread.bundle import LocalBundleStore
from retread.core import Database, ManualClock, SystemClock
from retread.registry import SqlLedger, SqlServerDirectory

__all__ = ["database_url", "postgres"]

START = datetime(2012, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database."""
    with opened_database(f"sqlite:///{tmp_path / 'retread.db'}") as database:
        yield database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def ledger(database: Database, clock: ManualClock) -> SqlLedger:
    return SqlLedger(database, clock)


@pytest.fixture
def servers(database: Database) -> SqlServerDirectory:
    return SqlServerDirectory(database, SystemClock())


@pytest.fixture
def bundles(tmp_path: Path) -> LocalBundleStore:
    return LocalBundleStore(tmp_path / "bundles")


@pytest.fixture
def maker(bundles: LocalBundleStore) -> BundleMaker:
    return BundleMaker(bundles)


@pytest.fixture
def fake_servers(database: Database) -> Iterator[FakeServers]:
    """Starts servers without a model; all stop with the test."""
    servers = FakeServers(database)
    yield servers
    servers.stop()


@pytest.fixture
def harness(database: Database, maker: BundleMaker) -> RegistryHarness:
    return RegistryHarness(database, maker)
