"""Read a whole column by its rules: what `read_value` does to one value, done to all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.core.column_rules import (
    ColumnRules,
    UnreadableValue,
    ValueKind,
    missing_numbers,
    number_pattern,
    read_value,
    unit_patterns,
)
from retread.project.toml_text import as_key

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReadCells:
    """A column as it was read.

    Attributes:
        values: float64 for numbers, text for categories and booleans; null where a value is
            missing or cannot be read.
        unreadable: The positions of the cells that the rules cannot read.
    """

    values: pa.ChunkedArray
    unreadable: Positions


@dataclass(frozen=True, slots=True)
class DistinctCells:
    """The distinct values of a column.

    Attributes:
        texts: The values, as Arrow gives them to Python.
        codes: For each cell, the position of its value in `texts`; -1 where it is null.
    """

    texts: list[object]
    codes: Positions

    def counts(self) -> Positions:
        """Return how often each value occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts))

    def first_positions(self) -> Positions:
        """Return where each value occurs first."""
        first = np.zeros(len(self.texts), np.int64)
        backwards = np.arange(len(self.codes))[::-1]
        known = self.codes[::-1] >= 0
        first[self.codes[::-1][known]] = backwards[known]
        return first


def read_cells(rules: ColumnRules, values: pa.ChunkedArray) -> ReadCells:
    """Read a column of any plain type by its rules, with the same result as `read_value`.

    Args:
        rules: The rules of the column.
        values: Its cells: text, numbers or truth values.

    Raises:
        InvalidInput: The type has no single values, such as a list, or bytes that are not text.
    """
    values = plain_values(values, rules.name)
    if rules.kind is ValueKind.NUMBER:
        if is_number(values.type):
            return _from_numbers(_without(values, missing_numbers(rules)))
        if pa.types.is_string(values.type):
            return _from_number_texts(rules, values)
    return _by_distinct(values, lambda value: read_value(rules, value), rules.kind)


def distinct_cells(values: pa.ChunkedArray) -> DistinctCells:
    """Return the distinct values of a column and where they are."""
    encoded = values.dictionary_encode().unify_dictionaries()
    if not encoded.num_chunks:
        return DistinctCells([], np.zeros(0, np.int64))
    codes = [pc.fill_null(chunk.indices, -1).to_numpy() for chunk in encoded.chunks]
    # Every chunk has a prefix of the unified dictionary, and the last one has all of it.
    texts = max((chunk.dictionary for chunk in encoded.chunks), key=len).to_pylist()
    return DistinctCells(texts, np.concatenate(codes).astype(np.int64))


def plain_values(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return a column as text, integers, float64, booleans or times.

    Raises:
        InvalidInput: Its type has no such values.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return plain_values(values.cast(kind.value_type), name)
    if isinstance(kind, pa.BaseExtensionType):
        stored = pa.chunked_array([chunk.storage for chunk in values.chunks], kind.storage_type)
        is_truth = kind.extension_name == "arrow.bool8"
        return plain_values(stored.cast(pa.bool_()) if is_truth else stored, name)
    if pa.types.is_nested(kind) or pa.types.is_time(kind) or pa.types.is_interval(kind):
        raise InvalidInput(
            f"Column {name!r} contains {kind} values, which cannot be used.",
            f"Choose another column, or set [data.columns] {as_key(name)} = "
            '"ignore" or add it to [data] exclude.',
        )
    if _is_text(kind):
        try:
            return values.cast(pa.string())
        except pa.ArrowInvalid as error:
            raise InvalidInput(
                f"Column {name!r} contains bytes that are not UTF-8 text.",
                "Save the file as UTF-8, or add the column to [data] exclude.",
            ) from error
    if pa.types.is_decimal(kind):
        return values.cast(pa.string()) if kind.scale <= 0 and kind.precision > 15 else _f64(values)
    if pa.types.is_floating(kind):
        return _f64(values)
    if pa.types.is_duration(kind):
        seconds = pc.divide(values.cast(pa.duration("ns")).cast(pa.int64()).cast(pa.float64()), 1e9)
        return pa.chunked_array(seconds)
    if pa.types.is_null(kind):
        return values.cast(pa.string())
    return values


def is_number(kind: pa.DataType) -> bool:
    """Return whether a plain type is numeric."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def common_type(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return a type that holds the values of all types; None where there is none."""
    plain = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    if all(map(_is_text, plain)):
        return pa.string()
    if all(pa.types.is_signed_integer(kind) for kind in plain):
        return pa.int64()
    if all(is_number(kind) or pa.types.is_decimal(kind) for kind in plain):
        return pa.float64()
    if all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in plain):
        zones = {getattr(kind, "tz", None) is not None for kind in plain}
        return pa.timestamp("us", "UTC" if zones == {True} else None) if len(zones) == 1 else None
    return None


def blank_missing(values: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """Return texts with null in place of those that stand for a missing value as they are."""
    is_missing = pc.is_in(values, value_set=pa.array(missing, pa.string()))
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), values)


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
        pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view,
        pa.types.is_fixed_size_binary,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _f64(values: pa.ChunkedArray) -> pa.ChunkedArray:
    numbers = values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)


def _without(values: pa.ChunkedArray, missing: Sequence[float]) -> pa.ChunkedArray:
    """Return numbers with null in place of those that stand for a missing value."""
    if not missing:
        return values
    # Adding zero makes one zero of both: Arrow tells -0.0 from 0.0 in sets, and nobody else does.
    numbers = pc.add(values.cast(pa.float64(), safe=False), 0.0)
    is_missing = pc.is_in(numbers, value_set=pc.add(pa.array(missing, pa.float64()), 0.0))
    return pc.if_else(is_missing, pa.scalar(None, values.type), values)


def _from_numbers(values: pa.ChunkedArray) -> ReadCells:
    numbers = values.cast(pa.float64(), safe=False)
    missing = pc.or_kleene(pc.is_null(numbers), pc.is_nan(numbers))
    finite = pc.and_(pc.invert(missing), pc.is_finite(numbers))
    return _null_except(numbers, finite, missing)


def _from_number_texts(rules: ColumnRules, values: pa.ChunkedArray) -> ReadCells:
    """Read plainly written numbers with Arrow, and the other cells by `read_value`."""
    known = blank_missing(values, rules.missing)
    fast = _all_plain(rules, known)
    if fast is not None:
        return fast
    plain = pc.match_substring_regex(known, number_pattern(rules))
    left = np.flatnonzero(pc.and_(pc.is_valid(known), pc.invert(plain)).to_numpy())
    text = pc.if_else(plain, known, pa.scalar(None, pa.string()))
    if rules.unit:
        # What matches has its unit at one end only.
        for pattern, kept in zip(unit_patterns(rules.unit), (r"\1", ""), strict=True):
            text = pc.replace_substring_regex(text, pattern, kept)
    if rules.thousands:
        text = pc.replace_substring(text, rules.thousands, "")
    if rules.decimal != ".":
        text = pc.replace_substring(text, rules.decimal, ".")
    read = _from_numbers(text.cast(pa.float64()))
    if not len(left):
        return read
    others = _by_distinct(known.take(pa.array(left)), lambda v: read_value(rules, v), rules.kind)
    numbers = read.values.to_numpy().copy()
    numbers[left] = others.values.to_numpy()
    values = pa.chunked_array([pa.array(numbers, from_pandas=True)], pa.float64())
    unreadable = np.union1d(read.unreadable, left[others.unreadable])
    return ReadCells(values, unreadable)


def _all_plain(rules: ColumnRules, known: pa.ChunkedArray) -> ReadCells | None:
    """Read a column all of whose cells are finite numbers to Arrow; None if one is not.

    Arrow takes what `number_pattern` takes, and the words for NaN and infinity.
    """
    if rules.thousands:
        return None
    if rules.decimal != ".":
        if pc.any(pc.match_substring(known, ".")).as_py():
            return None
        known = pc.replace_substring(known, rules.decimal, ".")
    try:
        numbers = known.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    finite = pc.all(pc.is_finite(numbers)).as_py()
    return ReadCells(numbers, np.zeros(0, np.int64)) if finite is not False else None


def _by_distinct(
    values: pa.ChunkedArray, read: Callable[[object], float | str | None], kind: ValueKind
) -> ReadCells:
    distinct = distinct_cells(values)
    target = pa.float64() if kind is ValueKind.NUMBER else pa.string()
    results: list[float | str | None] = []
    failed = np.zeros(len(distinct.texts) + 1, bool)
    for position, value in enumerate(distinct.texts):
        try:
            results.append(read(float(value) if isinstance(value, Decimal) else value))
        except UnreadableValue:
            failed[position] = True
            results.append(None)
    codes = np.where(distinct.codes < 0, len(results), distinct.codes)
    looked_up = pa.array([*results, None], target).take(pa.array(codes))
    return ReadCells(pa.chunked_array([looked_up], target), np.flatnonzero(failed[codes]))


def _null_except(
    numbers: pa.ChunkedArray, readable: pa.ChunkedArray, missing: pa.ChunkedArray
) -> ReadCells:
    unreadable = pc.invert(pc.or_(readable, missing))
    kept = pc.if_else(readable, numbers, pa.scalar(None, pa.float64()))
    return ReadCells(kept, np.flatnonzero(unreadable.to_numpy()))
