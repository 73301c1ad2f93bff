"""Hours are read, checked and split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from retread.core import InvalidInput
from retread.demos.bikes.hours import read_hours


def hours(start: str, end: str) -> pd.DataFrame:
    times = pd.date_range(start, end, freq="6h", inclusive="left")
    return pd.DataFrame(
        {
            "timestamp": times,
            "instant": range(len(times)),
            "hr": times.hour,
            "weekday": times.weekday,
            "workingday": 1,
            "temp": 0.5,
            "casual": 1,
            "registered": 2,
            "cnt": 3,
        }
    )


def test_the_first_half_year_is_to_train_on(tmp_path: Path) -> None:
    hours("2011-01-01", "2013-01-01").to_csv(tmp_path / "hour.csv", index=False)
    read = read_hours(tmp_path / "hour.csv")
    assert read.first["timestamp"].max() < pd.Timestamp("2011-07-01")
    assert read.rest["timestamp"].min() == pd.Timestamp("2011-07-01")
    assert read.excluded == ["casual", "registered", "instant"]


def test_the_original_columns_of_the_dataset_do_as_well(tmp_path: Path) -> None:
    rows = hours("2011-01-01", "2013-01-01")
    rows["dteday"] = rows["timestamp"].dt.date
    rows.drop(columns="timestamp").to_csv(tmp_path / "hour.csv", index=False)
    read = read_hours(tmp_path / "hour.csv")
    assert read.rest["timestamp"].iloc[1] == pd.Timestamp("2011-07-01 06:00")
    assert "dteday" in read.excluded


@pytest.mark.parametrize("missing", ["timestamp", "cnt", "hr"])
def test_a_missing_column_is_named(tmp_path: Path, missing: str) -> None:
    hours("2011-01-01", "2013-01-01").drop(columns=missing).to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(InvalidInput, match=missing):
        read_hours(tmp_path / "h.csv")


def test_too_short_a_time_is_refused(tmp_path: Path) -> None:
    hours("2011-01-01", "2011-10-01").to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(InvalidInput, match="2011-09"):
        read_hours(tmp_path / "hour.csv")


def test_a_file_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hour.csv").write_bytes(b"")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_hours(tmp_path / "hour.csv")


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    hours("2011-01-01", "2013-01-01").head(0).to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(InvalidInput, match="no rows"):
        read_hours(tmp_path / "hour.csv")


@pytest.mark.parametrize(
    ("column", "value", "missing"),
    [
        ("timestamp", "", "a time"),
        ("cnt", "many", "a number in cnt"),
        ("cnt", "", "a number in cnt"),
        ("cnt", "inf", "a number in cnt"),
        ("temp", "warm", "a number in temp"),
    ],
)
def test_an_incomplete_row_is_named_by_its_line(
    tmp_path: Path, column: str, value: str, missing: str
) -> None:
    rows = hours("2011-01-01", "2013-01-01").astype({column: object})
    rows.loc[5, column] = value
    rows.to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(InvalidInput, match=f"without {missing}, 1 of .*: line 7") as refused:
        read_hours(tmp_path / "hour.csv")
    assert refused.value.hint


def test_an_invalid_time_is_refused(tmp_path: Path) -> None:
    rows = hours("2011-01-01", "2013-01-01").astype({"timestamp": object})
    rows.loc[5, "timestamp"] = "yesterday"
    rows.to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(InvalidInput, match="yesterday"):
        read_hours(tmp_path / "hour.csv")


def test_many_broken_rows_are_counted_and_the_first_named(tmp_path: Path) -> None:
    rows = hours("2011-01-01", "2013-01-01").astype({"cnt": object})
    rows.loc[0:9, "cnt"] = "?"
    rows.to_csv(tmp_path / "hour.csv", index=False)
    with pytest.raises(InvalidInput, match=r", 10 of .*: line 2, 3, 4, \.\.\."):
        read_hours(tmp_path / "hour.csv")
