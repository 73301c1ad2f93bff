"""Hourly bike rentals, as a file of the UCI dataset holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retread.core import InvalidInput

TARGET = "cnt"
TIMESTAMP = "timestamp"
FIRST_MONTHS = 6
# Parts of the target, what only counts the rows, and the day, which `timestamp` has.
NEVER_FEATURES = ("casual", "registered", "instant", "yr", "dteday")
_WANTED = ("hr", "weekday", "workingday", "temp", TARGET)
_WHERE = "Get hour.csv of the UCI dataset 275, Bike Sharing."
_FIRST_LINE = 2
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """All rows in order of time; `first` are those of the first half-year, `rest` come later."""

    first: pd.DataFrame
    rest: pd.DataFrame

    @property
    def excluded(self) -> list[str]:
        """Columns of this file that must not become features."""
        return [name for name in NEVER_FEATURES if name in self.first.columns]


def read_hours(path: Path) -> Hours:
    """The hours of a CSV file with `timestamp`, or `dteday` and `hr`.

    InvalidInput for missing columns, times or counts that are none, and for less than a year and
    a half.
    """
    try:
        rows = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{path} cannot be read as a table: {error}.") from error
    if rows.empty:
        raise InvalidInput(f"{path} has no rows.", _WHERE)
    rows = _with_time(path, rows)
    missing = [name for name in _WANTED if name not in rows.columns]
    if missing:
        raise InvalidInput(f"{path} has no column {', '.join(missing)}.", _WHERE)
    for name in _WANTED:
        rows[name] = _numbers(path, rows[name])
    rows = rows.sort_values(TIMESTAMP, ignore_index=True)
    return _divided(path, rows)


def _divided(path: Path, rows: pd.DataFrame) -> Hours:
    last = rows[TIMESTAMP].iloc[-1]
    end_of_first = rows[TIMESTAMP].iloc[0] + pd.DateOffset(months=FIRST_MONTHS)
    if end_of_first.year >= last.year:
        raise InvalidInput(
            f"{path} ends in {last:%Y-%m}.",
            "The replay needs half a year to learn from, and a whole calendar year after it.",
        )
    is_first = rows[TIMESTAMP] < end_of_first
    return Hours(first=rows[is_first], rest=rows[~is_first])


def _with_time(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    if TIMESTAMP not in rows.columns and not {"dteday", "hr"} <= set(rows.columns):
        raise InvalidInput(
            f"{path} has no column {TIMESTAMP}.", "Give it one, or the columns dteday and hr."
        )
    try:
        if TIMESTAMP in rows.columns:
            times = pd.to_datetime(rows[TIMESTAMP])
        else:
            times = pd.to_datetime(rows["dteday"]) + pd.to_timedelta(rows["hr"], unit="h")
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"The times in {path} cannot be read: {error}.") from error
    _refuse(path, "a time", times.isna())
    return rows.assign(timestamp=times)


def _numbers(path: Path, column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    _refuse(path, f"a number in {column.name}", ~np.isfinite(numbers))
    return numbers


def _refuse(path: Path, what: str, without: pd.Series) -> None:
    """InvalidInput that names the first lines of the file `without` what each needs."""
    lines = [str(place + _FIRST_LINE) for place in np.flatnonzero(without)]
    if lines:
        named = ", ".join(lines[:_NAMED]) + (", ..." if len(lines) > _NAMED else "")
        raise InvalidInput(
            f"{path} has rows without {what}, {len(lines)} of {len(without)}: line {named}.",
            "Fill them in, or leave those rows out.",
        )
