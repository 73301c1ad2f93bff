"""Add versions from CSV and Parquet files, and from rows in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from retread.core import InvalidInput, NotFound
from retread.core.quarantine import VersionState
from retread.data import ID, IMAGE, LABEL, TIMESTAMP, ColumnKind, DatasetStore, diff, verify

from .conftest import Adds, Grows, Images

Write = Callable[..., Path]
Frame = pd.DataFrame


def people(count: int = 200, seed: int = 0) -> Frame:
    random = np.random.default_rng(seed)
    return Frame(
        {
            "age": random.integers(18, 90, count),
            "income": random.normal(3e4, 1e4, count),
            "city": random.choice(["Ulm", "Bonn", ""], count),
            "employed": random.choice(["yes", "no"], count),
            "at": pd.date_range("2026-01-01", periods=count, freq="h").strftime("%Y-%m-%dT%H:%M"),
        }
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def run(frame: Frame, name: str = "people.csv") -> Path:
        path = tmp_path / name
        if name.endswith(".parquet"):
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False)
        return path

    return run


CLASSES: dict[str, Any] = {"labels": "employed", "settings": {"timestamp": "at"}}


@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz", "people.parquet"])
def test_a_table_becomes_a_version(store: DatasetStore, write: Write, add: Adds, name: str) -> None:
    frame = people()
    version = add(write(frame, name), dataset="people", **CLASSES)
    assert version.state is VersionState.RELEASED
    assert {c.name: c.kind for c in version.schema.columns} == {
        "age": ColumnKind.NUMERIC,
        "income": ColumnKind.NUMERIC,
        "city": ColumnKind.CATEGORICAL,
    }
    assert version.labels == frame["employed"].value_counts().to_dict()
    rows = store.read(version)
    assert rows.schema.field("age").type == pa.float64()
    assert sorted(rows["income"].to_pylist()) == pytest.approx(sorted(frame["income"]))
    assert rows[TIMESTAMP].null_count == 0
    assert verify(store, version) == 200
    assert version.profile["age"]["mean"] == pytest.approx(frame["age"].mean())
    assert version.profile["city"]["share:Ulm"] > 0


def test_a_numeric_target_is_stored_as_float(store: DatasetStore, write: Write, add: Adds) -> None:
    settings = {"exclude": ["at", "employed"]}
    version = add(write(people()), labels="age", regression=True, settings=settings)
    assert (version.labels, version.schema.labels) == ({}, ())
    assert store.read(version)[LABEL].type == pa.float64()
    assert version.profile[LABEL]["min"] >= 18
    verify(store, version)


@pytest.mark.parametrize("largest", [1e39, 1.797e308])
def test_a_target_beyond_float32_is_quarantined(write: Write, add: Adds, largest: float) -> None:
    frame = people()
    frame.loc[3, "income"] = largest
    version = add(write(frame), labels="income", regression=True, settings={"exclude": ["at"]})
    assert [check.check for check in version.failed_checks] == ["columns", "values"]
    assert "row 5" in version.failed_checks[0].reason
    assert "the target has 1 infinite" in version.failed_checks[1].reason


def test_labels_may_have_any_encoding(store: DatasetStore, write: Write, add: Adds) -> None:
    frame = people()
    settings = {"exclude": ["at"]}
    plain = add(write(frame, "x.parquet"), labels="employed", settings=settings)
    category = frame.assign(employed=frame["employed"].astype("category"))
    assert add(write(category, "x.parquet"), labels="employed", settings=settings) == plain
    halves = frame.assign(employed=(frame["employed"] == "yes").astype(np.float16))
    version = add(write(halves, "x.parquet"), dataset="h", labels="employed", settings=settings)
    assert set(version.labels) == {"0", "1"}
    target = {"labels": "employed", "regression": True, "settings": settings}
    assert add(write(halves, "x.parquet"), dataset="r", **target).profile[LABEL]["max"] == 1


def test_rows_are_appended_and_changed(store: DatasetStore, write: Write, add: Adds) -> None:
    frame = people(300)
    first = add(write(frame[:200]), **CLASSES)
    second = add(write(frame[150:]), append=True, **CLASSES)
    assert (diff(store, first, second).added, second.rows) == (100, 300)
    frame.loc[299, "employed"] = "no" if frame.loc[299, "employed"] == "yes" else "yes"
    third = add(write(frame), **CLASSES)
    change = diff(store, second, third)
    assert (change.added, change.removed, change.relabelled) == (0, 0, 1)
    for version in (first, second, third):
        verify(store, version)


@pytest.mark.slow
def test_kinds_of_columns_are_kept_when_rows_are_appended(
    store: DatasetStore, write: Write, add: Adds
) -> None:
    frame = people()
    add(write(frame), **CLASSES)
    numbers = people(10, seed=1).assign(city=range(10), at="2027-01-01T00:00")
    version = add(write(numbers), append=True, **CLASSES)
    assert version.profile["city"]["distinct"] == 12
    verify(store, version)
    with pytest.raises(InvalidInput, match=r"'age' of people\.csv must contain numbers"):
        add(write(people(5).assign(age="old")), append=True, **CLASSES)
    with pytest.raises(InvalidInput, match="no column 'city', which the previous version requires"):
        add(write(people(5).drop(columns="city")), append=True, **CLASSES)


@pytest.mark.parametrize(
    ("change", "settings", "problem"),
    [
        ({"drop": "employed"}, {}, "no column 'employed'.* age, income, city, at"),
        ({}, {"features": ["agee"]}, r"no column 'agee', which \[data\] features requires"),
        ({}, {"group": "team"}, r"no column 'team', which \[data\] group"),
        ({}, {"exclude": ["x"]}, r"no column 'x', which \[data\] exclude"),
        ({}, {"timestamp": "city"}, "'city' of people.csv does not contain timestamps"),
        ({}, {"exclude": ["age", "income", "city", "at"]}, "no column left to use as a feature"),
        ({"income": np.nan}, {}, "'income' of people.csv has no values"),
        ({"employed": "yes"}, {}, "same label, 'yes'"),
        ({"_label": 1}, {}, "'_label', which is a reserved or blank name"),
        ({"hole": "employed"}, {}, "empty in 1 of 200 rows.* NA, N/A"),
        ({"employed": ["NA"] * 100 + ["EU"] * 100}, {}, "empty in 100 of 200 rows.* NA, N/A"),
        ({"hole": "at"}, {"timestamp": "at"}, "'at' of people.csv is empty in 1"),
        ({"hole": "city"}, {"group": "city"}, "'city' of people.csv is empty in"),
        ({"employed": np.linspace(0, 1, 200)}, {}, "contains fractions"),
    ],
    ids=[
        "no label column",
        "an unknown feature",
        "an unknown group",
        "an unknown excluded column",
        "a timestamp that is text",
        "no features",
        "an empty feature",
        "one label",
        "a reserved name",
        "a missing label",
        "labels that mean empty",
        "a missing timestamp",
        "a missing group",
        "fractions as labels",
    ],
)
def test_tables_that_cannot_be_used_are_refused(
    store: DatasetStore,
    write: Write,
    add: Adds,
    change: dict[str, Any],
    settings: dict[str, object],
    problem: str,
) -> None:
    frame = people()
    if "drop" in change:
        frame = frame.drop(columns=str(change.pop("drop")))
    if "hole" in change:
        frame.loc[7, str(change.pop("hole"))] = None
    frame = frame.assign(**change)
    with pytest.raises(InvalidInput, match=problem):
        add(write(frame), labels="employed", settings={"timestamp": "at", **settings})
    assert store.datasets() == ()


def test_files_that_are_not_tables_are_refused(
    store: DatasetStore, tmp_path: Path, add: Adds
) -> None:
    for name, content in (("a.csv", ""), ("b.csv", "x,y\n"), ("c.parquet", "no"), ("d.csv", "\0")):
        (tmp_path / name).write_text(content)
        with pytest.raises(InvalidInput):
            add(tmp_path / name, labels="y")
    (tmp_path / "twice.csv").write_text("x,x,y\n1,2,a\n3,4,b\n")
    with pytest.raises(InvalidInput, match="more than one column 'x'"):
        add(tmp_path / "twice.csv", labels="y")
    assert store.datasets() == ()


@pytest.mark.slow
def test_infinite_values_and_a_changed_unit_are_quarantined(
    store: DatasetStore, write: Write, add: Adds
) -> None:
    for number, (infinite, check) in enumerate(
        ((np.inf, "columns"), (-1.797e308, "values"), (1e39, "values")), start=1
    ):
        frame = people()
        frame.loc[3, "income"] = infinite
        held = add(write(frame), **CLASSES)
        assert [check.check for check in held.failed_checks] == [check]
        assert (held.number, held.profile["income"]["infinite"]) == (number, check == "values")
        assert 2e4 < held.profile["income"]["mean"] < 4e4
    assert len(store.versions("tires")) == 3
    assert add(write(people()), **CLASSES).state is VersionState.RELEASED
    cents = people().assign(income=people()["income"] * 100)
    assert "drift" in {check.check for check in add(write(cents), **CLASSES).failed_checks}


def test_groups_are_never_split(store: DatasetStore, write: Write, add: Adds) -> None:
    frame = people(400).assign(team=[f"t{i % 40}" for i in range(400)])
    settings = {"timestamp": "at", "group": "team"}
    version = add(write(frame), labels="employed", settings=settings)
    assert "team" not in {column.name for column in version.schema.columns}
    rows = store.read(version, columns=["_group", "_split"]).to_pandas()
    assert rows.groupby("_group")["_split"].nunique().max() == 1
    assert rows["_group"].nunique() == 40


def test_rows_from_memory(store: DatasetStore, write: Write, add: Adds, grow: Grows) -> None:
    # Rows from memory have no time, and are split by hash here.
    settings = {"timestamp": "at", "split": "random"}
    first = add(write(people()), labels="employed", settings=settings)
    rows = pa.table(
        {
            LABEL: ["yes", "no"],
            "age": [33, 44],
            "income": [1.5, None],
            "city": ["Ulm", None],
            ID: ["req_1", "req_2"],
        }
    )
    second = grow(rows, note="delayed labels")
    assert (second.rows, second.source, second.note) == (202, "traffic", "delayed labels")
    assert grow(rows) == second
    assert diff(store, first, second).added == 2
    assert {"req_1", "req_2"} <= set(store.read(second)[ID].to_pylist())
    verify(store, second)
    with pytest.raises(InvalidInput, match="no column 'city'"):
        grow(rows.drop_columns(["city"]))
    with pytest.raises(InvalidInput, match="no rows"):
        grow(rows.slice(0, 0))
    with pytest.raises(NotFound):
        grow(rows, dataset="others")
    poison = pa.table({**{n: rows[n] for n in ("age", "income", "city")}, LABEL: ["x", "y"]})
    held = grow(poison)
    assert [check.check for check in held.failed_checks] == ["schema"]


@pytest.mark.slow
def test_images_from_memory_never_change_existing_rows(
    store: DatasetStore, images: Images, add: Adds, grow: Grows
) -> None:
    first = add(images())
    buffer = io.BytesIO()
    Image.effect_noise((40, 40), 60).convert("RGB").save(buffer, "PNG")
    existing = (images() / "good" / "0000.jpg").read_bytes()
    rows = pa.table({LABEL: ["good"] * 2, IMAGE: [buffer.getvalue(), existing]})
    second = grow(rows)
    change = diff(store, first, second)
    assert (change.added, change.removed, change.relabelled) == (1, 0, 0)
    assert second.profile["width"]["count"] == 81
    verify(store, second)
    flipped = pa.table({LABEL: ["defective"], IMAGE: [existing]})
    third = grow(flipped)
    assert diff(store, second, third).relabelled == 0
    assert [check.check for check in third.failed_checks] == ["duplicates"]


@pytest.mark.parametrize("column", ["x", "y"])
def test_bytes_that_are_not_utf_8_are_refused(
    store: DatasetStore, tmp_path: Path, add: Adds, column: str
) -> None:
    table = pa.table({"x": [b"1", b"2"], "y": [b"a", b"b"]})
    broken = pa.array([b"\xe9", b"b"])
    path = tmp_path / "bytes.parquet"
    pyarrow.parquet.write_table(
        table.set_column(table.column_names.index(column), column, broken), path
    )
    with pytest.raises(InvalidInput, match=f"'{column}' contains bytes that are not UTF-8"):
        add(path, labels="y")
    assert store.datasets() == ()


def test_lists_cannot_be_labels(store: DatasetStore, tmp_path: Path, add: Adds) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table({"age": [20, 30], "tags": [["a"], ["b"]]}), path)
    with pytest.raises(InvalidInput, match=r"'tags' contains list.* cannot be used"):
        add(path, labels="tags")
    assert store.datasets() == ()
