"""A first look at a source that is new: its target, its time, and what should not be a feature.

`retread init --from` writes settings from it. What a look guesses is written down with its reason,
for a person to change; what `data add` makes of the source afterwards is checked by `data add`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput, NotFound
from retread.data.sources.table import read_table
from retread.data.tabular import to_timestamps

_TARGETS = ("target", "label", "class", "y", "outcome", "result")
_TIMES = ("timestamp", "datetime", "time", "date", "created_at", "created", "day")
_IDENTIFIER = re.compile(r"(^|[_\W])(id|uuid|guid|key|rowid|row_?no|index)$", re.IGNORECASE)
_SAVED_INDEX = re.compile(r"Unnamed: 0(\.\d+)?|__index_level_\d+__|index|level_0|")
_MAX_CLASSES = 20
_FREE_TEXT_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Choice:
    """A column that was chosen for a role, or left out, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a table seems to be.

    Attributes:
        rows: The number of its rows.
        target: The column to predict.
        classes: The labels with their counts, the most frequent first; empty for numbers.
        constant_error: The mean absolute error of always answering the median; 0 for classes.
        time: The column with the time of each row; None if there is none.
        excluded: The columns that should not be features.
        features: The columns that are left.
    """

    rows: int
    target: Choice
    classes: dict[str, int]
    constant_error: float
    time: Choice | None
    excluded: tuple[Choice, ...]
    features: tuple[str, ...]


def look_at_table(source: Path, target: str = "") -> FirstLook:
    """Look at a table.

    Args:
        source: The file.
        target: The column to predict. Default: one that is named like a target, or the last one.

    Raises:
        NotFound: There is no such file.
        InvalidInput: It is not a table, or it has no such column.
    """
    if not source.exists():
        raise NotFound(f"There is no file or folder {source}.", "Check the path after --from.")
    table = read_table(source)
    names = table.column_names
    if target and target not in names:
        raise InvalidInput(
            f"{source} has no column {target!r}, which --target names.",
            f"Its columns are: {', '.join(names)}.",
        )
    chosen = Choice(target, "named by --target") if target else _guess_target(names)
    values = table[chosen.column]
    if values.null_count == len(values) or _is_opaque(values):
        raise InvalidInput(
            f"The column {chosen.column!r} of {source}, {chosen.reason}, has no values to predict.",
            "Name the column to predict with --target, and check that the table has rows.",
        )
    classes, constant_error = _task(values)
    others = [name for name in names if name != chosen.column]
    time = _guess_time(table, others)
    others = [name for name in others if time is None or name != time.column]
    excluded = tuple(
        Choice(name, reason)
        for name in others
        if (reason := _why_no_feature(name, table[name], names.index(name)))
    )
    left_out = {choice.column for choice in excluded}
    return FirstLook(
        rows=table.num_rows,
        target=chosen,
        classes=classes,
        constant_error=constant_error,
        time=time,
        excluded=excluded,
        features=tuple(name for name in others if name not in left_out),
    )


def _guess_target(names: list[str]) -> Choice:
    for wanted in _TARGETS:
        for name in names:
            if name.lower() == wanted:
                return Choice(name, f"the column is named {name!r}")
    return Choice(names[-1], "the last column; name another with --target")


def _task(values: pa.ChunkedArray) -> tuple[dict[str, int], float]:
    """Return the classes, or for a target of numbers the error of always answering the median."""
    known = values.drop_null()
    distinct = _distinct(known)
    numbers = _numbers(known)
    if numbers is not None and (distinct > _MAX_CLASSES or bool((numbers % 1 != 0).any())):
        return {}, float(np.abs(numbers - np.median(numbers)).mean())
    counts = pc.value_counts(known.cast(pa.string())).to_pylist()
    ranked = sorted(counts, key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] for one in ranked}, 0.0


def _guess_time(table: pa.Table, names: list[str]) -> Choice | None:
    for name in names:
        if pa.types.is_temporal(table[name].type):
            return Choice(name, "its values are times")
    named = [name for name in names if name.lower() in _TIMES]
    for name in named:
        values = table[name]
        if values.null_count == 0 and _are_times(values):
            return Choice(name, "its name and its values are those of times")
    return None


def _are_times(values: pa.ChunkedArray) -> bool:
    if not pa.types.is_string(values.type) and not pa.types.is_temporal(values.type):
        return False
    try:
        to_timestamps(values)
    except pa.ArrowException:
        return False
    return True


def _why_no_feature(name: str, values: pa.ChunkedArray, position: int) -> str:
    """Return why a column should not be a feature; empty if it may be one."""
    if _is_opaque(values):
        return "its values are neither numbers nor text"
    known = values.drop_null()
    distinct = _distinct(known)
    numbers = _numbers(known)
    if pa.types.is_temporal(values.type):
        return "times are no features"
    if distinct <= 1:
        return "it has one value"
    counts_rows = numbers is not None and len(numbers) > 2 and bool((np.diff(numbers) == 1).all())
    if counts_rows and position == 0 and _SAVED_INDEX.fullmatch(name):
        return "the index of a saved data frame"
    if counts_rows:
        return "it counts the rows"
    is_distinct = distinct == len(known) and len(known) > _MAX_CLASSES
    if is_distinct and _IDENTIFIER.search(name):
        return "its name and its distinct values are those of an identifier"
    if numbers is None and len(known) > _MAX_CLASSES and distinct >= _FREE_TEXT_SHARE * len(known):
        example = str(known[0].as_py())[:40]
        return f"{distinct} texts in {len(known)} rows, such as {example!r}"
    return ""


def _is_opaque(values: pa.ChunkedArray) -> bool:
    """Tell whether values are lists, records, bytes and the like."""
    kind = values.type
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return is_bytes or pa.types.is_nested(kind)


def _distinct(known: pa.ChunkedArray) -> int:
    plain = known.cast(known.type.value_type) if pa.types.is_dictionary(known.type) else known
    return len(pc.unique(plain))


def _numbers(known: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Return values as numbers; None if they are not numbers."""
    if pa.types.is_temporal(known.type) or pa.types.is_boolean(known.type):
        return None
    try:
        numbers = known.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        return None
    return numbers if len(numbers) else None
