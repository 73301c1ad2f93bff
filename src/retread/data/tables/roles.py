"""Read the columns of a table that are no features: labels, targets, groups and times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.core.column_rules import ColumnRules, ValueKind, clean_text
from retread.data.row_numbers import RowNumbers
from retread.data.tables.cells import Positions, distinct_cells, plain_values, read_cells
from retread.data.tables.decide import Question, decide, how_written, missing_words
from retread.data.tables.texts import are_truth_values, shown
from retread.data.tables.time_texts import NotTimes, TimeOptions
from retread.data.tables.times import read_times
from retread.data.tables.units import units_of
from retread.project.settings import ColumnType
from retread.project.toml_text import as_key

_MAX_LABELS = 1000
_EXTREME = 1e6
_CENTURY = 100 * 365.25 * 86_400e6
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # microseconds
_EMPTY_HINT = (
    "NA, N/A, NaN and null also count as empty; [data.columns] NAME = {missing = []} changes that."
)


@dataclass(frozen=True, slots=True)
class ReadRole:
    """A column that is no feature, as it was read.

    Attributes:
        values: Its values.
        rules: How they were read; None for times.
        reason: What there is to say about them.
        problem: What a person has to decide; empty if the column is clear.
    """

    values: pa.ChunkedArray
    rules: ColumnRules | None = None
    reason: str = ""
    problem: str = ""


def read_labels(question: Question, table: str, like: ColumnRules | None) -> ReadRole:
    """Read class labels: cleaned text, exactly as written.

    Raises:
        InvalidInput: Labels are missing, are fractions, or are too many.
    """
    name = question.name
    values = plain_values(question.values, name)
    # Where the version before has numbers, the refusal of the whole is clearer than of a cell.
    same_kind = like is not None and like.kind is not ValueKind.NUMBER
    rules = like if like is not None and same_kind else _label_rules(question, values)
    _refuse_fractions(values, name, table)
    read = read_cells(rules, values)
    if len(read.unreadable):
        raise InvalidInput(
            f"The label column {name!r} of {table} has cells that are not labels: "
            f"{cells_named(values, read.unreadable, question.rows)}.",
            f"It is read as {rules.kind}; correct the cells, or set [data.columns].",
        )
    _refuse_missing(read.values, "label", question, table)
    distinct = pc.count_distinct(read.values).as_py()
    if distinct > _MAX_LABELS:
        raise InvalidInput(
            f"The label column {name!r} of {table} has {distinct} distinct values.",
            f"At most {_MAX_LABELS} class labels are allowed. To predict numbers, set "
            '[recipe] kind = "tabular-regression".',
        )
    return ReadRole(read.values, rules, _cleaned(values))


def read_targets(question: Question, table: str, like: ColumnRules | None) -> ReadRole:
    """Read numeric targets.

    Raises:
        InvalidInput: A target is missing or not a finite number.
    """
    name = question.name
    values = plain_values(question.values, name)
    asked = question.options.model_copy(update={"type": ColumnType.NUMBER})
    verdict = decide(replace(question, values=values, options=asked))
    rules = like if like is not None and like.kind is ValueKind.NUMBER else verdict.rules
    if rules is None:
        raise InvalidInput(
            f"The target column {name!r} of {table} contains times, not numbers.",
            "Choose another column, or write the time between two events as a number.",
        )
    read = read_cells(rules, values)
    if len(read.unreadable):
        unit = unit_among(values, read.unreadable)
        carried = f', or set [data.columns] {as_key(name)} = {{unit = "{unit}"}}' if unit else ""
        raise InvalidInput(
            f"The target column {name!r} of {table} does not contain numbers: "
            f"{cells_named(values, read.unreadable, question.rows)}.",
            f"Correct these cells, or remove their rows{carried}.",
        )
    _refuse_missing(read.values, "label", question, table)
    problem = _extremes(question, read.values) or verdict.problem
    return ReadRole(read.values, rules, how_written(rules), problem)


def read_groups(question: Question, table: str) -> ReadRole:
    """Read what groups rows belong to.

    Raises:
        InvalidInput: A group is missing.
    """
    rules = ColumnRules(
        name=question.name, kind=ValueKind.CATEGORY, missing=missing_words(question.options)
    )
    read = read_cells(rules, question.values)
    if read.values.null_count:
        raise InvalidInput(
            f"The group column {question.name!r} of {table} is empty in "
            f"{read.values.null_count} rows.",
            "Fill it in: rows that belong together could otherwise end up in different splits. "
            f"{_EMPTY_HINT}",
        )
    return ReadRole(read.values, rules)


def read_row_times(question: Question, table: str) -> ReadRole:
    """Read the time of each row.

    Raises:
        InvalidInput: A time is missing, cannot be read, or could be one of two.
    """
    options = question.options
    times = TimeOptions(options.format, options.unit, options.zone, missing_words(options))
    try:
        read = read_times(question.values, question.name, times, question.rows)
    except NotTimes as error:
        raise InvalidInput(
            f"The timestamp column {question.name!r} of {table} does not contain timestamps that "
            f"can be read. {error}"
        ) from error
    _refuse_missing(read.values, "timestamp", question, table)
    micros = read.values.cast(pa.int64()).to_numpy()
    if len(beyond := np.flatnonzero((micros < _YEAR_1) | (micros >= _YEAR_10000))):
        raise InvalidInput(
            f"The timestamp column {question.name!r} of {table} has times beyond the years 1 to "
            f"9999 in {len(beyond)} rows, the first in row {question.rows[beyond[0]]}.",
            "Correct them, or say in what unit they count: [data.columns] NAME = "
            '{type = "time", unit = "ms"}.',
        )
    middle = np.median(micros) if len(micros) else 0
    far = np.flatnonzero(np.abs(micros - middle) > _CENTURY)
    reason = read.how
    if len(far):
        named = cells_named(plain_values(question.values, question.name), far, question.rows)
        reason += f"; a century from the others: {named}"
    return ReadRole(read.values, None, reason)


def cells_named(values: pa.ChunkedArray, positions: Positions, rows: RowNumbers) -> str:
    """Name up to three cells, by row and value, and say how many there are."""
    cells = ", ".join(
        f"row {rows[position]} {shown(str(values[int(position)].as_py()))}"
        for position in positions[:3]
    )
    more = len(positions) - 3
    return cells + (f" and {more} more" if more > 0 else "")


def unit_among(values: pa.ChunkedArray, positions: Positions) -> str:
    """Return the one unit that numbers in these cells carry; empty if there is none."""
    cells = values.take(pa.array(positions[:_MAX_LABELS]))
    units = units_of(list({clean_text(str(cell)) for cell in cells.to_pylist()}))
    return units[0] if len(units) == 1 else ""


def _label_rules(question: Question, values: pa.ChunkedArray) -> ColumnRules:
    missing = missing_words(question.options)
    kind = ValueKind.CATEGORY
    if pa.types.is_boolean(values.type) or question.options.type is ColumnType.BOOLEAN:
        kind = ValueKind.BOOLEAN
    elif pa.types.is_string(values.type):
        texts = [clean_text(str(text)) for text in distinct_cells(values).texts]
        if are_truth_values([text for text in texts if text not in missing]):
            kind = ValueKind.BOOLEAN
    return ColumnRules(name=question.name, kind=kind, missing=missing)


def _refuse_fractions(values: pa.ChunkedArray, name: str, table: str) -> None:
    numbers = values
    if pa.types.is_string(values.type):
        try:
            numbers = values.cast(pa.float64())
        except pa.ArrowInvalid:
            return
    if not pa.types.is_floating(numbers.type):
        return
    if pc.any(pc.not_equal(pc.floor(numbers), numbers)).as_py():
        raise InvalidInput(
            f"The label column {name!r} of {table} contains fractions, not class labels.",
            'To predict numbers, set [recipe] kind = "tabular-regression".',
        )


def _refuse_missing(values: pa.ChunkedArray, role: str, question: Question, table: str) -> None:
    if not values.null_count:
        return
    rows = question.rows.of(np.flatnonzero(values.is_null().to_numpy())[:3])
    raise InvalidInput(
        f"The {role} column {question.name!r} of {table} is empty in {values.null_count} of "
        f"{len(values)} rows: row {', '.join(map(str, rows))}"
        f"{', ...' if values.null_count > len(rows) else ''}.",
        f"Fill in the {role}s, or remove these rows. {_EMPTY_HINT}",
    )


def _cleaned(values: pa.ChunkedArray) -> str:
    if not pa.types.is_string(values.type):
        return ""
    texts = [str(text) for text in distinct_cells(values).texts]
    changed = [text for text in texts if clean_text(text) != text]
    return f"spaces and invisible characters removed: {shown(changed[0])}" if changed else ""


def _extremes(question: Question, targets: pa.ChunkedArray) -> str:
    values = targets.to_numpy().astype(np.float64)
    middle, low, high = np.quantile(values, [0.5, 0.25, 0.75]) if len(values) else (0.0, 0.0, 0.0)
    too_large = np.abs(values) > np.finfo(np.float32).max
    far = too_large | ((high > low) & (np.abs(values - middle) > _EXTREME * (high - low)))
    if not far.any():
        return ""
    positions = np.flatnonzero(far)
    named = cells_named(question.values, positions, question.rows)
    return (
        f"The target column {question.name!r} has values far beyond the others: {named}; the "
        f"middle one is {middle:.6g}. Correct them, or leave their rows out."
    )
