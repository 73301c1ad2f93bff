"""Read a column of times as people write them: ISO 8601, day or month first, epoch numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.core.column_rules import MISSING, clean_text
from retread.data.row_numbers import FROM_ONE, RowNumbers
from retread.data.tables.cells import blank_missing, distinct_cells, plain_values
from retread.project.toml_text import as_key

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")

_DATE = (
    r"(?:(?P<y>\d{4})[-/. ]?(?P<m>\d{1,2})[-/. ]?(?P<d>\d{1,2})"
    r"|(?P<p>\d{1,2})[-/. ](?P<q>\d{1,2})[-/. ](?P<z>\d{4}|\d{2})"
    r"|(?P<dn>\d{1,2})[-/. ]+(?P<mn>[A-Za-z]{3,9})[-/., ]+(?P<yn>\d{4})"
    r"|(?P<mo>[A-Za-z]{3,9})[ .]+(?P<do>\d{1,2})(?:st|nd|rd|th)?,? +(?P<yo>\d{4}))"
)
_CLOCK = (
    r"(?:(?:[T ]|, ?)\s*(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<ap>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|[A-Z]{3,4}|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_PATTERN = f"^{_DATE}{_CLOCK}$"
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
_UNITS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 0}
# The smallest absolute number that is taken for each unit: 1973 in all of them.
_SMALLEST = (("ns", 1e17), ("us", 1e14), ("ms", 1e11), ("s", 1e8))
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


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """A column of times as it was read: in UTC, and in words how."""

    values: pa.ChunkedArray
    how: str


class NotTimes(ValueError):
    """A column that cannot be read as times; the message says which cell, and what helps."""


def read_times(
    values: pa.ChunkedArray,
    name: str,
    options: TimeOptions = TimeOptions(),
    rows: RowNumbers = FROM_ONE,
) -> ReadTimes:
    """Read a column as times in UTC with microseconds.

    Args:
        values: Text, numbers or times.
        name: The name of the column, for messages.
        options: What the settings say about the column.
        rows: The numbers of its rows in the file, for messages.

    Raises:
        NotTimes: A cell is not a time, or could be one of two.
    """
    values = plain_values(values, name)
    if pa.types.is_temporal(values.type):
        return _from_times(values, options)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return _from_numbers(values.cast(pa.float64(), safe=False), values, name, options)
    if not pa.types.is_string(values.type):
        raise NotTimes(f"Column {name!r} contains {values.type} values, not times.")
    if not (options.format or options.zone):
        plain = _from_iso(blank_missing(values, options.missing))
        if plain is not None:
            return plain
    distinct = distinct_cells(values)
    texts = [clean_text(str(text)) for text in distinct.texts]
    known = [i for i, text in enumerate(texts) if text not in options.missing]
    cells = _Cells([texts[i] for i in known], rows.of(distinct.first_positions()[known]), name)
    micros, how = _read_texts(cells, options)
    by_text = np.full(len(texts) + 1, np.iinfo(np.int64).min)
    by_text[known] = micros
    times = by_text[np.where(distinct.codes < 0, len(texts), distinct.codes)]
    column = pa.array(times, pa.int64(), mask=times == np.iinfo(np.int64).min)
    return ReadTimes(pa.chunked_array([column.cast(UTC_MICROSECONDS)]), how)


def looks_like_times(texts: list[str]) -> bool:
    """Return whether nearly all of these distinct texts are dates, with or without a time."""
    if not texts:
        return False
    matches = pc.match_substring_regex(pa.array(texts, pa.string()), _PATTERN)
    digits_only = pc.match_substring_regex(pa.array(texts, pa.string()), r"^\d+$")
    times = np.asarray(matches) & ~np.asarray(digits_only)
    return bool(times.mean() >= 0.9)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Distinct texts, with the row in which each occurs first and the name of their column."""

    texts: list[str]
    rows: npt.NDArray[np.int64]
    name: str

    def examples(self, mask: npt.NDArray[np.bool_]) -> str:
        found = np.flatnonzero(mask)[:_EXAMPLES]
        return ", ".join(f"row {self.rows[i]} {self.texts[i]!r}" for i in found)


def _read_texts(cells: _Cells, options: TimeOptions) -> tuple[npt.NDArray[np.int64], str]:
    if options.format:
        return _by_format(cells, options)
    if not cells.texts:
        return np.zeros(0, np.int64), "no times"
    texts = pa.array(cells.texts, pa.string())
    numbers = np.asarray(pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?$"))
    if numbers.all():
        values = pa.chunked_array([texts])
        read = _from_numbers(values.cast(pa.float64()), values, cells.name, options)
        return read.values.cast(pa.int64()).to_numpy(), read.how
    matches = np.asarray(pc.match_substring_regex(texts, _PATTERN))
    if not matches.all():
        raise NotTimes(
            f"Column {cells.name!r} has cells that are not times: {cells.examples(~matches)}. "
            f"Write them like 2012-01-31T17:00:00, or say how they are written: [data.columns] "
            f'{cells.name} = {{type = "time", format = "%d/%m/%Y %H:%M"}}.'
        )
    return _from_parts(cells, pc.extract_regex(texts, _PATTERN), options)


def _from_parts(
    cells: _Cells, parts: pa.StructArray, options: TimeOptions
) -> tuple[npt.NDArray[np.int64], str]:
    year, month, day, order = _dates(cells, parts)
    hour = _integers(parts, "H")
    half = np.char.lower(_texts(parts, "ap"))
    afternoon, morning = np.char.startswith(half, "p"), np.char.startswith(half, "a")
    wrong = (afternoon | morning) & ((hour < 1) | (hour > 12))
    hour = np.where(afternoon | morning, hour % 12 + 12 * afternoon, hour)
    minute, second = _integers(parts, "M"), _integers(parts, "S")
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
        micros[without], repeated = _in_zone(micros[without], options.zone)
        said.append(f"in {options.zone}" + ("; the earlier of a repeated hour" if repeated else ""))
    elif without.any():
        said.append("UTC where no zone is given")
    if (nanos % 1000).any():
        said.append("cut to microseconds")
    return micros, ", ".join(part for part in said if part)


def _dates(
    cells: _Cells, parts: pa.StructArray
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
    two_digits = np.char.str_len(short) == 2
    century = np.where(two_digits, np.where(_integers(parts, "z") < 69, 2000, 1900), 0)
    named = _integers(parts, "yn") + _integers(parts, "yo")
    year = _integers(parts, "y") + _integers(parts, "z") + century * numeric + named
    month_name = np.char.add(_texts(parts, "mn"), _texts(parts, "mo"))
    by_name = np.array([_MONTHS.get(text[:3].lower(), 0) for text in month_name], np.int64)
    by_month = bool(month_first.any())
    month = _integers(parts, "m") + (first if by_month else second) + by_name
    day = _integers(parts, "d") + (second if by_month else first)
    day = day + _integers(parts, "dn") + _integers(parts, "do")
    order = ("month first" if by_month else "day first") if numeric.any() else ""
    return year, month, day, order


def _by_format(cells: _Cells, options: TimeOptions) -> tuple[npt.NDArray[np.int64], str]:
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


def _from_iso(values: pa.ChunkedArray) -> ReadTimes | None:
    """Read ISO 8601 with Arrow, which is fast; None if a cell is written otherwise."""
    for kind, how in (
        (pa.timestamp("us"), "UTC where no zone is given"),
        (UTC_MICROSECONDS, "with its zone"),
    ):
        try:
            return ReadTimes(values.cast(kind).cast(UTC_MICROSECONDS), how)
        except pa.ArrowInvalid:
            continue
    return None


def _from_times(values: pa.ChunkedArray, options: TimeOptions) -> ReadTimes:
    kind = values.type
    if getattr(kind, "tz", None):
        return ReadTimes(values.cast(UTC_MICROSECONDS, safe=False), "with its zone")
    plain = values.cast(pa.timestamp("us"), safe=False)
    cut = "; cut to microseconds" if getattr(kind, "unit", "") == "ns" else ""
    if options.zone:
        zoned = pc.assume_timezone(
            plain, options.zone, ambiguous="earliest", nonexistent="earliest"
        )
        return ReadTimes(zoned.cast(UTC_MICROSECONDS), f"in {options.zone}{cut}")
    return ReadTimes(plain.cast(UTC_MICROSECONDS), f"in UTC, as it has no zone{cut}")


def _from_numbers(
    numbers: pa.ChunkedArray, exact: pa.ChunkedArray, name: str, options: TimeOptions
) -> ReadTimes:
    values = numbers.to_numpy().astype(np.float64)
    known = values[~np.isnan(values)]
    if options.unit == "" and len(known) and _are_calendar_days(known):
        days = [f"{int(v) // 10000:04}-{int(v) // 100 % 100:02}-{int(v) % 100:02}"
                if not np.isnan(v) else None for v in values]  # fmt: skip
        column = pa.chunked_array([pa.array(days, pa.string())])
        try:
            return ReadTimes(column.cast(pa.timestamp("us")).cast(UTC_MICROSECONDS), "YYYYMMDD")
        except pa.ArrowInvalid:
            pass
    smallest = np.abs(known).min() if len(known) else 0.0
    unit = options.unit or next((unit for unit, least in _SMALLEST if smallest >= least), "")
    if unit not in _UNITS or not np.isfinite(known).all():
        raise NotTimes(
            f"Column {name!r} has numbers that no unit of time explains, such as {known[:1]}. If "
            f"they count from 1970, say in what: [data.columns] {as_key(name)} = "
            '{type = "time", unit = "s"} (s, ms, us or ns).'
        )
    scale = _UNITS[unit]
    try:
        whole = exact.cast(pa.int64())
    except pa.ArrowInvalid:
        whole = None
    if whole is None:
        micros = pa.array(np.where(np.isnan(values), 0, values) * (scale or 1e-3))
        column = pc.if_else(pc.is_null(numbers), None, micros.cast(pa.int64(), safe=False))
    else:
        column = pc.multiply(whole, scale) if scale else pc.divide(whole, 1000)
    return ReadTimes(_chunked(column).cast(UTC_MICROSECONDS), f"numbers: {unit} since 1970")


def _are_calendar_days(numbers: npt.NDArray[np.float64]) -> bool:
    whole = numbers == np.floor(numbers)
    month, day = numbers // 100 % 100, numbers % 100
    inside = (numbers >= 19_000_101) & (numbers <= 29_991_231)
    return bool((whole & inside & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _in_zone(micros: npt.NDArray[np.int64], zone: str) -> tuple[npt.NDArray[np.int64], bool]:
    local = pa.array(micros, pa.int64()).cast(pa.timestamp("us"))
    try:
        earlier, later = (
            pc.assume_timezone(local, zone, ambiguous=which, nonexistent="earliest")
            for which in ("earliest", "latest")
        )
    except pa.ArrowException as error:
        raise InvalidInput(
            f"There is no time zone {zone!r}.", "Use a name such as Europe/Berlin."
        ) from error
    repeated = pc.any(pc.not_equal(earlier, later)).as_py()
    return earlier.cast(pa.int64()).to_numpy(), bool(repeated)


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


def _chunked(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
