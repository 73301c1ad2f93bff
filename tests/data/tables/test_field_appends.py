"""Files that are appended are read by the rules of the version before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from retread.core import InvalidInput, ManualClock
from retread.data import (
    AddRequest,
    ColumnUse,
    DatasetStore,
    DatasetVersion,
    LanceDatasetStore,
    add_version,
)
from retread.project.settings import DataSection


@pytest.fixture
def lance(tmp_path: Path) -> LanceDatasetStore:
    return LanceDatasetStore(tmp_path / "datasets")


def add(
    store: DatasetStore, folder: Path, text: str, *, append: bool = False, **settings: object
) -> DatasetVersion:
    path = folder / "t.csv"
    path.write_text(text)
    section = DataSection.model_validate(settings)
    request = AddRequest(dataset="d", source=path, settings=section, labels="y", append=append)
    return add_version(store, request, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))


def table(header: str, line: str, count: int = 40, start: int = 0) -> str:
    cells = [line.format(i=i, n=i % 3, y="ab"[i % 2]) for i in range(start, start + count)]
    return "\n".join([header, *cells]) + "\n"


def test_e08_codes_keep_their_spelling(lance: LanceDatasetStore, tmp_path: Path) -> None:
    add(lance, tmp_path, table("x,store,y", "{i},0{n},{y}").replace(",00,", ",A3,"))
    version = add(lance, tmp_path, table("x,store,y", "{i},0{n},{y}", start=50), append=True)
    assert set(lance.read(version, columns=["store"])["store"].to_pylist()) == {
        "A3",
        "00",
        "01",
        "02",
    }


def test_e08_decimal_commas_are_kept(lance: LanceDatasetStore, tmp_path: Path) -> None:
    first = add(lance, tmp_path, table("x;y", "{i},5;{y}"))
    version = add(lance, tmp_path, table("x;y", "{i};{y}", start=50, count=5), append=True)
    assert version.schema.rules == first.schema.rules
    assert max(lance.read(version, columns=["x"])["x"].to_pylist()) == 54.0


def test_e17_one_more_column_is_told_and_one_fewer_refused(
    lance: LanceDatasetStore, tmp_path: Path
) -> None:
    add(lance, tmp_path, table("x,z,y", "{i},{n},{y}"), exclude=[])
    wider = table("x,z,new,y", "{i},{n},7,{y}", start=50)
    version = add(lance, tmp_path, wider, append=True)
    told = {d.name: d for d in version.decisions}["new"]
    assert (told.use, told.kind) == (ColumnUse.UNUSED, "new")
    with pytest.raises(InvalidInput, match="no column 'z', which the previous version requires"):
        add(lance, tmp_path, table("x,y", "{i},{y}"), append=True)


def test_e08_rows_that_do_not_fit_are_named(lance: LanceDatasetStore, tmp_path: Path) -> None:
    add(lance, tmp_path, table("x,y", "{i}.5,{y}"))
    held = add(lance, tmp_path, "x,y\n1.25,a\nbig,b\n2.25,a\n", append=True)
    assert held.is_quarantined
    assert [check.check for check in held.failed_checks] == ["columns"]
    assert "row 3 'big'" in held.failed_checks[0].reason
    with pytest.raises(InvalidInput, match=r"must contain numbers.*row 2 'small'"):
        add(lance, tmp_path, "x,y\nsmall,a\nbig,b\n", append=True)


def test_decisions_are_kept_in_the_version(lance: LanceDatasetStore, tmp_path: Path) -> None:
    add(lance, tmp_path, table("id;x;y", "u{i};{i},5;{y}"))
    version = lance.version("d")
    assert version.remarks == ("Read as a table, separated by semicolons.",)
    assert [str(decision) for decision in version.decisions][1:] == [
        "x: number (decimal comma)",
        "y: label, category",
    ]
    assert [rule.decimal for rule in version.schema.rules] == [","]
