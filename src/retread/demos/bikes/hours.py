"""Read hourly bike rentals from a file of the UCI dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from retread.core import InvalidInput

TARGET = "cnt"
TIMESTAMP = "timestamp"
FIRST_MONTHS = 6
# Parts of the target, counters of rows, and the day, which is part of `timestamp`.
NEVER_FEATURES = ("casual", "registered", "instant", "yr", "dteday")
_REQUIRED = ("hr", "weekday", "workingday", "temp", TARGET)
_HINT = "Use hour.csv of the UCI dataset 275, Bike Sharing."
_FIRST_LINE = 2
_MAX_LINES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """All rows in chronological order; `first` are those of the first half-year."""

    first: pd.DataFrame
    rest: pd.DataFrame

    @property
    def excluded(self) -> list[str]:
        """The columns of this file that must not be features."""
        return [name for name in NEVER_FEATURES if name in self.first.columns]


def read_hours(path: Path) -> Hours:
    """Read the hours of a CSV file with the column `timestamp`, or `dteday` and `hr`.

    Raises:
        InvalidInput: Columns or values are missing or invalid, or the file does not cover half a
            year and the calendar year after it.
    """
    try:
        rows = pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise InvalidInput(f"{path} cannot be read as a table: {error}.") from error
    if rows.empty:
        raise InvalidInput(f"{path} has no rows.", _HINT)
    rows = _with_time(path, rows)
    missing = [name for name in _REQUIRED if name not in rows.columns]
    if missing:
        raise InvalidInput(f"{path} has no column {', '.join(missing)}.", _HINT)
    for name in _REQUIRED:
        rows[name] = _numbers(path, rows[name])
    rows = rows.sort_values(TIMESTAMP, ignore_index=True)
    return _split(path, rows)


def _split(path: Path, rows: pd.DataFrame) -> Hours:
    last = rows[TIMESTAMP].iloc[-1]
    end_of_first = rows[TIMESTAMP].iloc[0] + pd.DateOffset(months=FIRST_MONTHS)
    if end_of_first.year >= last.year:
        raise InvalidInput(
            f"{path} ends in {last:%Y-%m}.",
            "The replay needs half a year to train on, and a whole calendar year after it.",
        )
    is_first = rows[TIMESTAMP] < end_of_first
    return Hours(first=rows[is_first], rest=rows[~is_first])


def _with_time(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    if TIMESTAMP not in rows.columns and not {"dteday", "hr"} <= set(rows.columns):
        raise InvalidInput(
            f"{path} has no column {TIMESTAMP}.", "Add it, or the columns dteday and hr."
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
    """Refuse rows `without` what they need, naming the first lines of the file."""
    lines = [str(index + _FIRST_LINE) for index in np.flatnonzero(without)]
    if lines:
        listed = ", ".join(lines[:_MAX_LINES]) + (", ..." if len(lines) > _MAX_LINES else "")
        raise InvalidInput(
            f"{path} has rows without {what}, {len(lines)} of {len(without)}: line {listed}.",
            "Complete or remove those rows.",
        )
