"""Read texts of times: what forms people write, and what each part of them says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core.column_rules import MISSING
from retread.project.toml_text import as_key

_DATE = (
    r"(?:(?P<y>\d{4})(?:[-/.년年]\s?|\s)(?P<m>\d{1,2})(?:[-/.월月]\s?|\s)(?P<d>\d{1,2})[.일日]?"
    r"|(?P<yc>\d{4})(?P<mc>\d{2})(?P<dc>\d{2})(?:[T ]?(?P<Hc>\d{2})(?P<Mc>\d{2})(?P<Sc>\d{2})?)?"
    r"|(?P<ym>(?:19|20)\d{2})(?:[-/]|년\s?|年)(?P<mm>0[1-9]|1[0-2])[월月]?"
    r"|(?P<p>\d{1,2})[-/. ](?P<q>\d{1,2})[-/. ](?P<z>\d{4}|\d{2})"
    r"|(?P<dn>\d{1,2})[-/. ]+(?P<mn>[A-Za-z]{3,9})[-/., ]+(?P<yn>\d{4}|\d{2})"
    r"|(?P<mo>[A-Za-z]{3,9})[ .]+(?P<do>\d{1,2})(?:st|nd|rd|th)?,? +(?P<yo>\d{4}))"
)
_WEEKDAY = r"(?:(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_CLOCK = (
    r"(?:(?:[T: ]|, ?)\s*(?P<half>오전|오후|[AaPp][Mm])?\s*"
    r"(?P<H>\d{1,2})(?:[:.](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"\s*(?P<ap>[AaPp]\.?[Mm]\.?)?)?"
)
_ZONE = r"(?:\s*(?P<zone>Z|[A-Z]{3,4}|[+-]\d{2}:?\d{2}|[+-]\d{2}))?"
_PATTERN = f"^{_WEEKDAY}{_DATE}{_CLOCK}{_ZONE}$"
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_ZONE_MINUTES = {
    "": 0, "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MEZ": 60,
    "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180, "KST": 540, "JST": 540, "EST": -300,
    "EDT": -240, "PST": -480, "PDT": -420,
}  # fmt: skip
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class TimeOptions:
    """What [data.columns] says about a column of times; empty where it says nothing.

    Attributes:
        format: How times are written, in the notation of `strptime`.
        unit: The unit of numbers: s, ms, us or ns since 1970.
        zone: The zone of times that name none, such as Europe/Berlin.
        missing: Texts that stand for a missing time.
    """

    format: str = ""
    unit: str = ""
    zone: str = ""
    missing: tuple[str, ...] = MISSING


class NotTimes(ValueError):
    """A column that cannot be read as times; the message says which cell, and what helps."""


@dataclass(frozen=True, slots=True)
class TimeCells:
    """Distinct texts, with the row in which each occurs first and the name of their column."""

    texts: list[str]
    rows: npt.NDArray[np.int64]
    name: str

    def examples(self, mask: npt.NDArray[np.bool_]) -> str:
        found = np.flatnonzero(mask)[:_EXAMPLES]
        return ", ".join(f"row {self.rows[i]} {self.texts[i]!r}" for i in found)


def looks_like_times(texts: list[str]) -> bool:
    """Return whether nearly all of these distinct texts are dates, with or without a time."""
    if not texts:
        return False
    matches = pc.match_substring_regex(pa.array(texts, pa.string()), _PATTERN)
    digits_only = pc.match_substring_regex(pa.array(texts, pa.string()), r"^\d+$")
    times = np.asarray(matches) & ~np.asarray(digits_only)
    return bool(times.mean() >= 0.9)


def read_time_texts(cells: TimeCells, options: TimeOptions) -> tuple[npt.NDArray[np.int64], str]:
    """Return microseconds since 1970 in UTC, and in words how the texts were read.

    Raises:
        NotTimes: A text is not a time, or could be one of two.
    """
    texts = pa.array(cells.texts, pa.string())
    matches = np.asarray(pc.match_substring_regex(texts, _PATTERN))
    if not matches.all():
        raise NotTimes(
            f"Column {cells.name!r} has cells that are not times: {cells.examples(~matches)}. "
            "Write them like 2012-01-31T17:00:00, or say how they are written: [data.columns] "
            f'{as_key(cells.name)} = {{type = "time", format = "%d/%m/%Y %H:%M"}}.'
        )
    parts = pc.extract_regex(texts, _PATTERN)
    year, month, day, order = _dates(cells, parts)
    hour = _integers(parts, "H") + _integers(parts, "Hc")
    half = np.char.lower(np.char.add(_texts(parts, "half"), _texts(parts, "ap")))
    afternoon = np.char.startswith(half, "p") | (half == "오후")
    morning = np.char.startswith(half, "a") | (half == "오전")
    wrong = (afternoon | morning) & ((hour < 1) | (hour > 12))
    hour = np.where(afternoon | morning, hour % 12 + 12 * afternoon, hour)
    minute = _integers(parts, "M") + _integers(parts, "Mc")
    second = _integers(parts, "S") + _integers(parts, "Sc")
    fraction = _texts(parts, "f")
    nanos = np.array([int(text.ljust(9, "0")) for text in fraction], np.int64)
    days = _days(year, month, day)
    back = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    wrong |= (month < 1) | (month > 12) | (day < 1) | (back != (year - 1970) * 12 + month - 1)
    wrong |= (hour > 23) | (minute > 59) | (second > 60)
    if wrong.any():
        raise NotTimes(
            f"Column {cells.name!r} has times that no calendar has: {cells.examples(wrong)}. "
            "Correct them, or leave these rows out."
        )
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    micros = seconds * 10**6 + nanos // 1000
    zones = _texts(parts, "zone")
    without = zones == ""
    shifts = np.array([_zone_minutes(zone) for zone in zones], dtype=object)
    unknown = np.array([shift is None for shift in shifts], bool)
    if unknown.any():
        raise NotTimes(
            f"Column {cells.name!r} has times in zones that are not known: "
            f"{cells.examples(unknown)}. Write the offset, such as +02:00."
        )
    micros = micros - shifts.astype(np.int64) * 60 * 10**6
    said = [order]
    if options.zone and without.any():
        local = pa.chunked_array([pa.array(micros[without]).cast(pa.timestamp("us"))])
        zoned, remarks = in_zone(local, options.zone)
        micros[without] = zoned.cast(pa.int64()).to_numpy()
        said += remarks
    elif without.any():
        said.append("UTC where no zone is given")
    if (nanos % 1000).any():
        said.append("cut to microseconds")
    return micros, ", ".join(part for part in said if part)


def _dates(
    cells: TimeCells, parts: pa.StructArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], str]:
    """Return year, month and day of each text, and in words how they were told apart."""
    first, second, short = _integers(parts, "p"), _integers(parts, "q"), _texts(parts, "z")
    numeric = short != ""
    day_first, month_first = (numeric & (first > 12)), (numeric & (second > 12))
    if day_first.any() and month_first.any():
        raise NotTimes(
            f"Column {cells.name!r} has days and months in both orders: "
            f"{cells.examples(day_first)}, {cells.examples(month_first)}. Write one order in the "
            "whole column, best as 2012-01-31."
        )
    same = numeric & (first != second)
    dotted = numeric & np.array(["." in text.split(" ")[0] for text in cells.texts])
    if same.any() and not day_first.any() and not month_first.any() and not dotted.all():
        raise NotTimes(
            f"Column {cells.name!r} has dates that may be day or month first: "
            f"{cells.examples(same)}. Say which: [data.columns] {as_key(cells.name)} = "
            '{type = "time", format = "%d/%m/%Y"} or "%m/%d/%Y", with the time after it if there '
            "is one, such as %H:%M."
        )
    _refuse_short_years(cells, parts)
    year_texts = _texts(parts, "y")
    for name in ("yc", "ym", "z", "yn", "yo"):
        year_texts = np.char.add(year_texts, _texts(parts, name))
    year = year_texts.astype(np.int64)
    year = year + np.where(np.char.str_len(year_texts) == 2, np.where(year < 69, 2000, 1900), 0)
    month_name = np.char.add(_texts(parts, "mn"), _texts(parts, "mo"))
    by_name = np.array([_MONTHS.get(text[:3].lower(), 0) for text in month_name], np.int64)
    by_month = bool(month_first.any())
    month = _integers(parts, "m") + _integers(parts, "mc") + _integers(parts, "mm")
    month = month + (first if by_month else second) + by_name
    day = _integers(parts, "d") + (second if by_month else first)
    day = day + _integers(parts, "dc") + _integers(parts, "dn") + _integers(parts, "do")
    day = day + (_texts(parts, "mm") != "")  # a month begins on its first day
    order = ("month first" if by_month else "day first") if numeric.any() else ""
    return year, month, day, order


def _refuse_short_years(cells: TimeCells, parts: pa.StructArray) -> None:
    """Refuse years of two digits that may stand first as well as last, as in 20.01.05."""
    first, second, last = (_integers(parts, name) for name in "pqz")
    short = np.char.str_len(_texts(parts, "z")) == 2
    if not short.all() or (second > 12).any() or ((last < 1) | (last > 31)).any():
        return
    if (first > 12).any() and len(np.unique(last)) >= len(np.unique(first)):
        raise NotTimes(
            f"Column {cells.name!r} has dates that may begin or end with the year: "
            f"{cells.examples(short)}. Say which: [data.columns] {as_key(cells.name)} = "
            '{type = "time", format = "%y.%m.%d"} or "%d.%m.%y", as they are written.'
        )


def read_by_format(cells: TimeCells, options: TimeOptions) -> tuple[npt.NDArray[np.int64], str]:
    """Return microseconds since 1970 in UTC of texts in the format of the options.

    Raises:
        NotTimes: A text is not written so.
    """
    zone = ZoneInfo(options.zone) if options.zone else UTC
    micros = np.zeros(len(cells.texts), np.int64)
    wrong = np.zeros(len(cells.texts), bool)
    for i, text in enumerate(cells.texts):
        try:
            time = datetime.strptime(text, options.format)
        except ValueError:
            wrong[i] = True
            continue
        known = time if time.tzinfo else time.replace(tzinfo=zone)
        since = known - datetime(1970, 1, 1, tzinfo=UTC)
        micros[i] = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    if wrong.any():
        raise NotTimes(
            f"Column {cells.name!r} has cells that are not written as {options.format!r}: "
            f"{cells.examples(wrong)}. Correct them, or the format in [data.columns]."
        )
    return micros, f"as {options.format}, {options.zone or 'UTC'} where no zone is given"


def in_zone(local: pa.ChunkedArray, zone: str) -> tuple[pa.ChunkedArray, list[str]]:
    """Return times of the clocks of a zone in UTC, and what to say about their changes."""
    earlier, later, skipped = (
        pc.assume_timezone(local, zone, ambiguous=ambiguous, nonexistent=nonexistent)
        for ambiguous, nonexistent in
        (("earliest", "earliest"), ("latest", "earliest"), ("earliest", "latest"))
    )  # fmt: skip
    said = [f"in {zone}"]
    if pc.any(pc.not_equal(earlier, later)).as_py():
        said.append("the earlier of a repeated hour")
    if missing := pc.sum(pc.not_equal(earlier, skipped)).as_py():
        said.append(f"{missing} in an hour that clocks skip, moved to its start")
    return earlier, said


def _zone_minutes(zone: str) -> int | None:
    if zone[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "")
        minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
        return -minutes if zone[0] == "-" else minutes
    return _ZONE_MINUTES.get(zone)


def _days(
    year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day - 1


def _texts(parts: pa.StructArray, name: str) -> npt.NDArray[np.str_]:
    return np.array(pc.fill_null(parts.field(name), "").to_pylist(), dtype=str)


def _integers(parts: pa.StructArray, name: str) -> npt.NDArray[np.int64]:
    texts = parts.field(name)
    known = pc.if_else(pc.equal(texts, ""), "0", texts)
    return np.asarray(pc.fill_null(known, "0").cast(pa.int64()))
