"""Hourly bike rentals, as a file of the UCI dataset holds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from retread.core import InvalidInput

TARGET = "cnt"
TIMESTAMP = "timestamp"
FIRST_MONTHS = 6
# Parts of the target, what only counts the rows, and the day, which `timestamp` has.
NEVER_FEATURES = ("casual", "registered", "instant", "yr", "dteday")
_WANTED = ("hr", "weekday", "workingday", "temp", TARGET)


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

    InvalidInput for missing columns, and for less than a year and a half.
    """
    try:
        rows = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{path} cannot be read as a table: {error}.") from error
    rows = _with_time(path, rows)
    missing = [name for name in _WANTED if name not in rows.columns]
    if missing:
        raise InvalidInput(
            f"{path} has no column {', '.join(missing)}.", "Get hour.csv: see retread init."
        )
    rows = rows.sort_values(TIMESTAMP, ignore_index=True)
    end_of_first = rows[TIMESTAMP].iloc[0] + pd.DateOffset(months=FIRST_MONTHS)
    last_year = rows[TIMESTAMP].iloc[-1].year
    if end_of_first.year >= last_year:
        raise InvalidInput(
            f"{path} ends in {rows[TIMESTAMP].iloc[-1]:%Y-%m}.",
            "The replay needs half a year to learn from, and a whole calendar year after it.",
        )
    is_first = rows[TIMESTAMP] < end_of_first
    return Hours(first=rows[is_first], rest=rows[~is_first])


def _with_time(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    try:
        if TIMESTAMP in rows.columns:
            return rows.assign(timestamp=pd.to_datetime(rows[TIMESTAMP]))
        if {"dteday", "hr"} <= set(rows.columns):
            hours = pd.to_timedelta(rows["hr"], unit="h")
            return rows.assign(timestamp=pd.to_datetime(rows["dteday"]) + hours)
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"The times in {path} cannot be read: {error}.") from error
    raise InvalidInput(
        f"{path} has no column {TIMESTAMP}.", "Give it one, or the columns dteday and hr."
    )
