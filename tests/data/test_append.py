"""The next version keeps rows of the version that it is built on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from retread.core import InvalidInput, ManualClock
from retread.core.quarantine import VersionState
from retread.data import (
    GROUP,
    ID,
    IMAGE,
    LABEL,
    SOURCE,
    SPLIT,
    DatasetStore,
    add_rows,
    diff,
    verify,
)
from retread.project.settings import DataSection

from .conftest import Adds, Grows, Images, write_image


def sizes(count: int, start: int = 0, scale: float = 1.0) -> pd.DataFrame:
    numbers = range(start, start + count)
    return pd.DataFrame(
        {
            "x": [(i % 97 + i / 10_000) * scale for i in numbers],
            "team": [f"t{i % 40}" for i in numbers],
            "y": ["ab"[i % 2] for i in numbers],
        }
    )


def written(frame: pd.DataFrame, folder: Path, name: str = "sizes.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def test_groups_stay_in_their_splits_when_the_shares_change(
    store: DatasetStore, add: Adds, tmp_path: Path
) -> None:
    add(written(sizes(300), tmp_path), labels="y", settings={"group": "team"})
    settings = {"group": "team", "evaluation_share": 0.45, "validation_share": 0.1}
    more = written(sizes(300, 1000), tmp_path, "more.csv")
    version = add(more, labels="y", append=True, settings=settings)
    assert (version.rows, version.state) == (600, VersionState.RELEASED)
    rows = store.read(version, columns=[GROUP, SPLIT]).to_pandas()
    assert rows.groupby(GROUP)[SPLIT].nunique().max() == 1


def test_rows_are_not_appended_to_a_quarantined_version(
    store: DatasetStore, add: Adds, tmp_path: Path
) -> None:
    first = add(written(sizes(200), tmp_path), labels="y")
    bad = add(written(sizes(100, 500, 1e6), tmp_path, "bad.csv"), labels="y", append=True)
    assert (bad.number, bad.state, bad.rows) == (2, VersionState.QUARANTINED, 300)
    good = add(written(sizes(100, 900), tmp_path, "good.csv"), labels="y", append=True)
    assert (good.number, good.state, good.rows) == (3, VersionState.RELEASED, 300)
    change = diff(store, first, good)
    assert (change.added, change.removed) == (100, 0)
    for version in (first, bad, good):
        verify(store, version)


@pytest.mark.slow
def test_the_same_source_as_before_makes_no_new_version(
    store: DatasetStore, add: Adds, tmp_path: Path
) -> None:
    source = written(sizes(200), tmp_path)
    first = add(source, labels="y")
    bad = written(sizes(100, 500, 1e6), tmp_path, "bad.csv")
    held = add(bad, labels="y", append=True)
    assert add(bad, labels="y", append=True) == held
    assert add(source, labels="y", append=True) == first
    assert len(store.versions("tires")) == 2


def test_rows_are_appended_to_a_quarantined_version_if_none_is_released(
    store: DatasetStore, add: Adds, tmp_path: Path
) -> None:
    few = add(written(sizes(3), tmp_path), labels="y")
    assert few.state is VersionState.QUARANTINED
    grown = add(written(sizes(100, 3), tmp_path, "more.csv"), labels="y", append=True)
    assert (grown.rows, grown.state) == (103, VersionState.RELEASED)


@pytest.mark.slow
def test_a_snapshot_keeps_the_rows_with_a_prefix(
    store: DatasetStore, images: Images, add: Adds, grow: Grows, tmp_path: Path
) -> None:
    source = images()
    add(source)
    write_image(tmp_path / "seen.jpg", 700)
    seen = (tmp_path / "seen.jpg").read_bytes()
    rows = {ID: ["traffic-1"], LABEL: ["good"], SOURCE: ["request-1"], IMAGE: [seen]}
    second = grow(pa.table(rows))
    (source / "good" / "0001.jpg").rename(source / "defective" / "0001.jpg")
    (source / "good" / "0002.jpg").unlink()
    write_image(source / "good" / "0500.jpg", 500)
    third = add(source, keep="traffic-")
    change = diff(store, second, third)
    assert (change.added, change.removed, change.relabelled) == (1, 1, 1)
    assert third.rows == 81
    assert third.profile["width"]["count"] == 81
    found = store.read(third, columns=[ID, LABEL, SOURCE], ids=["traffic-1"]).to_pylist()
    assert found == [{ID: "traffic-1", LABEL: "good", SOURCE: "request-1"}]
    assert add(source, keep="traffic-") == third
    verify(store, third)


@pytest.mark.slow
def test_a_snapshot_of_a_table_keeps_rows_too(
    store: DatasetStore, add: Adds, grow: Grows, tmp_path: Path
) -> None:
    frame = sizes(200)
    add(written(frame, tmp_path), labels="y", settings={"group": "team"})
    grow(pa.table({ID: ["traffic-1"], LABEL: ["a"], "x": [12.5]}))
    shorter = written(frame[:150], tmp_path)
    version = add(shorter, labels="y", keep="traffic-", settings={"group": "team"})
    assert (version.rows, version.profile["x"]["count"]) == (151, 151)
    assert "traffic-1" in store.read(version, columns=[ID])[ID].to_pylist()
    plain = add(shorter, labels="y", settings={"group": "team"})
    assert (plain.rows, plain.profile["x"]["count"]) == (150, 150)


def test_numbers_are_not_appended_to_labels(add: Adds, tmp_path: Path) -> None:
    path = written(sizes(200).assign(y=[i % 2 for i in range(200)]), tmp_path)
    add(path, labels="y")
    with pytest.raises(
        InvalidInput, match=r"source has numeric targets, but tires@1 has class labels"
    ):
        add(path, labels="y", append=True, regression=True)


def test_row_sources_of_any_text_type_are_appended(
    store: DatasetStore, add: Adds, tmp_path: Path, clock: ManualClock
) -> None:
    first = add(written(sizes(200)[["x", "y"]], tmp_path), labels="y")
    sources = pa.array(["request-1"], pa.large_string())
    rows = pa.table({LABEL: ["a"], "x": [12.5], SOURCE: sources})
    settings = DataSection()
    second = add_rows(store, "tires", rows, source="traffic", settings=settings, clock=clock)
    assert (second.rows, diff(store, first, second).removed) == (201, 0)
