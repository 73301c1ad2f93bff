"""Read a column of times as people write them: ISO 8601, day or month first, epoch numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core.column_rules import clean_text
from retread.data.row_numbers import FROM_ONE, RowNumbers
from retread.data.tables.cells import blank_missing, distinct_cells, plain_values
from retread.data.tables.time_texts import (
    NotTimes,
    TimeCells,
    TimeOptions,
    in_zone,
    read_by_format,
    read_time_texts,
)
from retread.project.toml_text import as_key

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")

_UNSAID = TimeOptions()
_UNITS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 0}
# The smallest absolute number that is taken for each unit: 1973 in all of them.
_SMALLEST = (("ns", 1e17), ("us", 1e14), ("ms", 1e11), ("s", 1e8))


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """A column of times as it was read: in UTC, and in words how."""

    values: pa.ChunkedArray
    how: str


def read_times(
    values: pa.ChunkedArray,
    name: str,
    options: TimeOptions = _UNSAID,
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
    cells = TimeCells([texts[i] for i in known], rows.of(distinct.first_positions()[known]), name)
    micros, how = _read_texts(cells, options)
    by_text = np.full(len(texts) + 1, np.iinfo(np.int64).min)
    by_text[known] = micros
    times = by_text[np.where(distinct.codes < 0, len(texts), distinct.codes)]
    column = pa.array(times, pa.int64(), mask=times == np.iinfo(np.int64).min)
    return ReadTimes(pa.chunked_array([column.cast(UTC_MICROSECONDS)]), how)


def _read_texts(cells: TimeCells, options: TimeOptions) -> tuple[npt.NDArray[np.int64], str]:
    if options.format:
        return read_by_format(cells, options)
    if not cells.texts:
        return np.zeros(0, np.int64), "no times"
    texts = pa.array(cells.texts, pa.string())
    numbers = np.asarray(pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?$"))
    if numbers.all():
        values = pa.chunked_array([texts])
        read = _from_numbers(values.cast(pa.float64()), values, cells.name, options)
        return read.values.cast(pa.int64()).to_numpy(), read.how
    return read_time_texts(cells, options)


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
        zoned, said = in_zone(plain, options.zone)
        return ReadTimes(zoned.cast(UTC_MICROSECONDS), ", ".join(said) + cut)
    return ReadTimes(plain.cast(UTC_MICROSECONDS), f"in UTC, as it has no zone{cut}")


def _from_numbers(
    numbers: pa.ChunkedArray, exact: pa.ChunkedArray, name: str, options: TimeOptions
) -> ReadTimes:
    values = numbers.to_numpy().astype(np.float64)
    known = values[~np.isnan(values)]
    if options.unit == "" and (written := _calendar_times(values)):
        return written
    smallest = np.abs(known).min() if len(known) else 0.0
    unit = options.unit or next((unit for unit, least in _SMALLEST if smallest >= least), "")
    if unit not in _UNITS or not np.isfinite(known).all():
        raise NotTimes(
            f"Column {name!r} has numbers that no unit of time explains, such as "
            f"{_first(known)}. If they count from 1970, say in what: [data.columns] "
            f"{as_key(name)} = "
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


def _calendar_times(numbers: npt.NDArray[np.float64]) -> ReadTimes | None:
    """Read numbers such as 20201231 and 20201231235959; None if one is written otherwise."""
    known = numbers[~np.isnan(numbers)]
    whole = len(known) > 0 and bool((known == np.floor(known)).all())
    for form in ("YYYYMMDD", "YYYYMMDDhhmm", "YYYYMMDDhhmmss") if whole else ():
        scale = 10.0 ** (len(form) - 4)
        if (known < 1900 * scale).any() or (known >= 3000 * scale).any():
            continue
        texts = [None if np.isnan(v) else _iso(f"{v:.0f}") for v in numbers]
        column = pa.chunked_array([pa.array(texts, pa.string())])
        try:
            return ReadTimes(column.cast(pa.timestamp("us")).cast(UTC_MICROSECONDS), form)
        except pa.ArrowInvalid:
            return None
    return None


def _iso(digits: str) -> str:
    """Return the ISO 8601 form of 20201231 or 20201231235959."""
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return f"{date}T{digits[8:10]}:{digits[10:12]}:{digits[12:] or '00'}" if digits[8:] else date


def _first(numbers: npt.NDArray[np.float64]) -> str:
    return f"{numbers[0]:.15g}" if len(numbers) else "none"


def _chunked(values: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
