"""Real datasets, where they are available."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from retread.core.quarantine import VersionState
from retread.data import DatasetStore, verify

from .conftest import Adds

DATA = Path(os.environ.get("RETREAD_TEST_DATA", "../shared/data"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"NO REAL DATA at {DATA}: set RETREAD_TEST_DATA to test with it"
    ),
]


def test_tires_are_released(store: DatasetStore, add: Adds) -> None:
    version = add(DATA / "tires")
    assert version.state is VersionState.RELEASED, version.failed_checks
    assert version.labels == {"defective": 360, "good": 411}
    rows = store.read(version, columns=["_group", "_split"]).to_pandas()
    assert rows.groupby("_group")["_split"].nunique().max() == 1
    assert verify(store, version) == 771


def test_ball_screws_are_released(add: Adds) -> None:
    version = add(DATA / "bsdata" / "screw_stream")
    assert version.state is VersionState.RELEASED, version.failed_checks


def test_bikes_are_added_month_by_month(store: DatasetStore, add: Adds, tmp_path: Path) -> None:
    lines = (DATA / "bike_sharing" / "hour.csv").read_text().splitlines()
    settings = {"exclude": ["casual", "registered", "instant"], "timestamp": "timestamp"}
    for end in (4000, 5000, 9000, 17379):
        (tmp_path / "hour.csv").write_text("\n".join(lines[: end + 1]))
        version = add(tmp_path / "hour.csv", labels="cnt", regression=True, settings=settings)
        assert version.state is VersionState.RELEASED, version.failed_checks
        assert version.rows == end
    assert [v.number for v in store.versions("tires")] == [1, 2, 3, 4]
    assert verify(store, version) == 17379


def test_census_data_is_added(add: Adds, tmp_path: Path) -> None:
    folder = DATA / "census_ma_employment"
    with gzip.open(folder / "events_sample20.csv.gz", "rt") as file:
        header = file.readline().strip().split(",")
    label = header[-1]
    version = add(folder / "events_sample20.csv.gz", labels=label, regression=True)
    assert version.rows > 50_000
