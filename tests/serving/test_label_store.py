"""The contract of every LabelStore."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.databases import database_url, postgres

from retread.core import Database
from retread.serving import LabelStore, SqlLabelStore

__all__ = ["database_url", "postgres"]


@pytest.fixture
def store(database_url: str) -> Iterator[LabelStore]:
    """Make a store of every adapter: SQL in each kind of database."""
    database = Database(database_url)
    database.create_tables()
    yield SqlLabelStore(database)
    database.close()


def test_a_later_label_replaces_the_earlier(store: LabelStore) -> None:
    store.put([("r1", "good"), ("r2", "good"), ("r2", "defective")], at=1.0)
    store.put([("r1", "defective")], at=2.0)
    assert store.get(["r1", "r2", "r3"]) == {"r1": "defective", "r2": "defective"}
    assert store.count() == 2


def test_many_labels_at_once(store: LabelStore) -> None:
    store.put([(f"r{i}", str(i)) for i in range(1203)], at=1.0)
    assert store.count() == 1203
    assert store.get([f"r{i}" for i in range(1203)])["r1202"] == "1202"
    store.put([], at=2.0)
    assert store.get([]) == {}
