"""The monitor's stores and a random generator as fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.databases import database_url, postgres
from tests.monitoring.harness import MonitorHarness

from retread.bundle import LocalBundleStore
from retread.core import Database, ManualClock
from retread.project import parse_settings
from retread.registry import SqlLedger
from retread.serving import SegmentTrafficLog, SqlLabelStore

__all__ = ["database_url", "postgres"]

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def harness(tmp_path: Path, database_url: str) -> Iterator[MonitorHarness]:
    """A project on each kind of database."""
    database = Database(database_url)
    database.create_tables()
    clock = ManualClock(START)
    yield MonitorHarness(
        ledger=SqlLedger(database, clock),
        bundles=LocalBundleStore(tmp_path / "bundles"),
        traffic=SegmentTrafficLog(tmp_path / "traffic"),
        labels=SqlLabelStore(database),
        database=database,
        clock=clock,
        settings=parse_settings({"monitoring": {"window": 50}}, source="test"),
    )
    database.close()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
