"""Decide what a column is from all of its cells, and by which rules its values are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core.column_rules import MISSING, ColumnRules, ValueKind, plain_signs, without_unit
from retread.data.row_numbers import RowNumbers
from retread.data.tables.cells import blank_missing, distinct_cells, is_number, plain_values
from retread.data.tables.index_columns import counts_rows
from retread.data.tables.numbers import (
    CodeReason,
    NumberReading,
    code_reason,
    may_be_grouped_by_points,
    plainly_numbers,
    read_numbers,
)
from retread.data.tables.shapes import shape_of
from retread.data.tables.texts import (
    TextCells,
    are_truth_values,
    is_identifier,
    is_prose,
    long_text,
    near_equal,
    shown,
    text_cells,
)
from retread.data.tables.times import looks_like_times
from retread.data.tables.units import units_of, units_problem
from retread.project.settings import ColumnSection, ColumnType
from retread.project.toml_text import as_key

_FEW_NUMBERS = 20
_MOSTLY, _NEARLY_ALL = 0.5, 0.9
_FEW_WORDS = 5
_EXACT = 2.0**53
_ID_NAME = re.compile(
    r"(^|[_\W])(id|uuid|guid|key|rowid|row_?nr|row_?no|index|idx)$", re.IGNORECASE
)
_KINDS = {
    ColumnType.NUMBER: ValueKind.NUMBER,
    ColumnType.CATEGORY: ValueKind.CATEGORY,
    ColumnType.BOOLEAN: ValueKind.BOOLEAN,
}


CONSTANT = "constant"
"""The kind of a column that does not vary yet: a feature, as it may vary in the next version."""


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """What a column is.

    Attributes:
        kind: In words: number, category, boolean, time, identifier, free text, constant, ...
        rules: How its values are read; None for a column that is not used.
        reason: Why, with examples.
        problem: What a person has to decide; empty if the column is clear.
        unit: The unit without which its texts are numbers; empty if there is none.
    """

    kind: str
    rules: ColumnRules | None
    reason: str = ""
    problem: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A column about which to decide.

    Attributes:
        name: Its name.
        values: Its cells.
        options: What [data.columns] says about it.
        rows: The numbers of its rows in the file.
        wanted: Whether the settings ask for it as a feature.
        comma_file: Whether another column of the file has decimal commas for certain.
        semicolons: Whether semicolons separate the cells of the file, as where decimals are written
            with a comma.
    """

    name: str
    values: pa.ChunkedArray
    options: ColumnSection
    rows: RowNumbers
    wanted: bool = False
    comma_file: bool = False
    semicolons: bool = False


def decide(question: Question) -> ColumnVerdict:
    """Decide what a column is.

    Raises:
        InvalidInput: Its type has no values that can be used.
    """
    values = plain_values(question.values, question.name)
    question = replace(question, values=values)
    if question.options.type is ColumnType.IGNORE:
        return ColumnVerdict("ignored", None, "as [data.columns] says")
    if pa.types.is_temporal(values.type) or question.options.type is ColumnType.TIME:
        return _time()
    if kind := _asked_kind(question.options):
        return _as_asked(question, kind)
    if pa.types.is_boolean(values.type):
        return ColumnVerdict("boolean", _rules(question, ValueKind.BOOLEAN))
    if is_number(values.type):
        return _of_numbers(question, values)
    return _of_texts(question)


def missing_words(options: ColumnSection) -> tuple[str, ...]:
    """Return the texts that stand for a missing value."""
    return MISSING if options.missing is None else ("", *options.missing)


def _asked_kind(options: ColumnSection) -> ValueKind | None:
    if options.type is None:
        return ValueKind.NUMBER if options.unit else None
    return _KINDS.get(options.type)


def _as_asked(question: Question, kind: ValueKind) -> ColumnVerdict:
    reason = "as [data.columns] says"
    if kind is not ValueKind.NUMBER or not pa.types.is_string(question.values.type):
        return ColumnVerdict(kind.value, _rules(question, kind), reason)
    options = question.options
    if options.decimal or options.thousands:
        rules = _rules(question, kind, options.decimal or ".", options.thousands)
        return ColumnVerdict(kind.value, rules, reason)
    cells = _text_cells(question)
    bare = [without_unit(options.unit, text) for text in cells.texts]
    reading = _read_numbers(question, replace(cells, texts=bare))
    rules = _rules(question, kind, reading.decimal, reading.thousands)
    reason = "; ".join(part for part in (reason, how_written(rules)) if part)
    return ColumnVerdict(kind.value, rules, reason, _ambiguity(question, cells, reading))


def _of_numbers(question: Question, numbers: pa.ChunkedArray) -> ColumnVerdict:
    """Decide about numbers that are typed, or plainly written."""
    rules = _rules(question, ValueKind.NUMBER)
    if question.wanted:
        return ColumnVerdict("number", rules, "; ".join(_remarks(question, numbers)))
    known = numbers.drop_null()
    if len(known) and not numbers.null_count and _is_constant(known):
        return ColumnVerdict(CONSTANT, rules, f"every row has {_plain(known[0].as_py())}")
    if pa.types.is_integer(known.type) and _beyond_exact(known):
        return ColumnVerdict("identifier", None, f"whole numbers beyond 2**53, such as {known[0]}")
    if _ID_NAME.search(question.name) and _all_distinct(known):
        some = ", ".join(_plain(v) for v in known.slice(0, 3).to_pylist())
        return ColumnVerdict("identifier", None, f"its name, and each row has its own: {some}, ...")
    return ColumnVerdict("number", rules, "; ".join(_remarks(question, numbers)))


def _of_texts(question: Question) -> ColumnVerdict:
    plain = plainly_numbers(blank_missing(question.values, missing_words(question.options)))
    other = question.comma_file or question.options.thousands
    if plain is not None and not other and not _may_be_grouped(question):
        return _of_numbers(question, plain)
    cells = _text_cells(question)
    if not cells.texts:
        return ColumnVerdict("category", _rules(question, ValueKind.CATEGORY))
    if are_truth_values(cells.texts):
        return _boolean(question, cells)
    reading = _read_numbers(question, cells)
    if reading.readable.all():
        return _all_numbers(question, cells, reading)
    if _is_number_but_for_a_few(cells, reading):
        return _some_unreadable(question, cells, reading)
    if looks_like_times(cells.texts):
        return _time(cells.examples(question.rows))
    return _category(question, cells)


def _may_be_grouped(question: Question) -> bool:
    """Return whether every point may stand between thousands, in a file that makes it likely."""
    return question.semicolons and may_be_grouped_by_points(question.values)


def _read_numbers(question: Question, cells: TextCells) -> NumberReading:
    return read_numbers(
        cells.texts,
        cells.counts,
        comma_file=question.comma_file,
        semicolons=question.semicolons,
    )


def _all_numbers(question: Question, cells: TextCells, reading: NumberReading) -> ColumnVerdict:
    rules = _rules(question, ValueKind.NUMBER, reading.decimal, reading.thousands)
    texts = [_point(rules, text) for text in cells.texts]
    numbers = np.array([float(text) for text in texts], np.float64)
    if np.isinf(numbers).any():
        return _some_unreadable(question, cells, reading)
    if code := code_reason(texts, numbers):
        verdict = _category(question, cells)
        reason = f"text: {code}; {verdict.reason}".rstrip("; ")
        problem = _same_numbers(question, cells, numbers) if code is CodeReason.SAME_NUMBER else ""
        return replace(verdict, reason=reason, problem=problem)
    by_cell = pa.chunked_array([pa.array(np.repeat(numbers, cells.counts))])
    if cells.missing:
        by_cell = pa.chunked_array([*by_cell.chunks, pa.nulls(cells.missing, pa.float64())])
    verdict = _of_numbers(replace(question, values=question.values), by_cell)
    if verdict.rules is None:
        return verdict
    written = how_written(rules)
    reason = "; ".join(part for part in (written, verdict.reason) if part)
    return ColumnVerdict("number", rules, reason, _ambiguity(question, cells, reading))


def _same_numbers(question: Question, cells: TextCells, numbers: npt.NDArray[np.float64]) -> str:
    repeated = np.isin(numbers, [n for n in np.unique(numbers) if (numbers == n).sum() > 1])
    return (
        f"Column {question.name!r} has texts that are the same number: "
        f"{cells.examples(question.rows, repeated)}. Say what they are: [data.columns] "
        f'{as_key(question.name)} = "category" or "number".'
    )


def _some_unreadable(question: Question, cells: TextCells, reading: NumberReading) -> ColumnVerdict:
    rules = _rules(question, ValueKind.NUMBER, reading.decimal, reading.thousands)
    numbers = [t for t, number in zip(cells.texts, reading.readable, strict=True) if number]
    zeros = any(re.match(r"[+-]?0[0-9]", text) for text in numbers)
    if zeros:
        verdict = _category(question, cells)
        return replace(verdict, reason=f"text: leading zeros; {verdict.reason}".rstrip("; "))
    return ColumnVerdict("number", rules, how_written(rules), _ambiguity(question, cells, reading))


def _category(question: Question, cells: TextCells) -> ColumnVerdict:
    rules = _rules(question, ValueKind.CATEGORY)
    examples = cells.examples(question.rows)
    units = units_of(cells.texts)
    unit, problem = "", ""
    if units:
        unit = units[0] if len(units) == 1 else ""
        carried = np.array([any(one in text for one in units) for text in cells.texts])
        named = cells.examples(question.rows, carried)
        problem = units_problem(question.name, named, units)
    if question.wanted:
        return ColumnVerdict("category", rules, f"{len(cells.texts)} values", problem, unit)
    if len(cells.texts) == 1 and not cells.missing:
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown(cells.texts[0])}")
    if units:
        kind = f"numbers with {' or '.join(units)}"
        return ColumnVerdict(kind, None, examples, problem, unit)
    shape = shape_of(cells.texts)
    if shape is not None and shape.cure and len(cells.texts) > cells.known / 2:
        return ColumnVerdict(shape.name, None, f"{examples}; {shape.cure}")
    if is_prose(cells):
        return ColumnVerdict("free text", None, examples)
    of_what = f"{shape.name}; " if shape is not None else ""
    if is_identifier(cells):
        reason = f"{of_what}nearly every row has its own: {examples}"
        return ColumnVerdict("identifier", None, reason)
    remarks = "; ".join(_category_remarks(question, cells))
    return ColumnVerdict("category", rules, f"{of_what}{remarks}")


def _category_remarks(question: Question, cells: TextCells) -> list[str]:
    remarks = [f"{len(cells.texts)} values"]
    if (longest := long_text(cells)) is not None:
        row, length = question.rows[cells.first[longest]], len(cells.texts[longest])
        remarks.append(f"row {row} has a text of {length} characters")
    if alike := near_equal(cells.texts):
        remarks.append("alike: " + ", ".join(map(shown, alike[0])))
    if "NA" in missing_words(question.options) and cells.missing:
        named = pc.sum(pc.equal(question.values, "NA")).as_py() or 0
        if named and all(len(text) == 2 and text.isupper() for text in cells.texts):
            key = as_key(question.name)
            remarks.append(
                f"NA counts as missing in {named} rows; [data.columns] {key} = "
                "{missing = []} keeps it"
            )
    return remarks


def _boolean(question: Question, cells: TextCells) -> ColumnVerdict:
    rules = _rules(question, ValueKind.BOOLEAN)
    if len({text.lower() for text in cells.texts}) == 1 and not cells.missing:
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown(cells.texts[0])}")
    return ColumnVerdict("boolean", rules)


def _time(examples: str = "") -> ColumnVerdict:
    how = "set [data] timestamp to use it as the time of a row"
    return ColumnVerdict("time", None, f"{examples}; {how}" if examples else how)


def _is_number_but_for_a_few(cells: TextCells, reading: NumberReading) -> bool:
    numbers = int(reading.readable.sum())
    # Nobody writes a word for infinity among categories.
    words = ~(reading.readable | reading.infinite)
    share = 1 - cells.counts[words].sum() / cells.known
    if share >= _NEARLY_ALL:
        return numbers > 0
    return bool(share >= _MOSTLY and numbers > _FEW_NUMBERS and words.sum() <= _FEW_WORDS)


def _ambiguity(question: Question, cells: TextCells, reading: NumberReading) -> str:
    if not reading.ambiguous:
        return ""
    mark, other, name = (",", ".", "comma") if reading.decimal == "," else (".", ",", "point")
    marked = np.array([mark in text for text in cells.texts])
    key = as_key(question.name)
    return (
        f"Column {question.name!r} has numbers that may have a decimal {name} or a {name} between "
        f"thousands: {cells.examples(question.rows, marked)}. Say which: [data.columns] {key} "
        f'= {{type = "number", decimal = "{mark}"}} or '
        f'{{type = "number", decimal = "{other}", thousands = "{mark}"}}.'
    )


def _remarks(question: Question, numbers: pa.ChunkedArray) -> list[str]:
    """Say what a model will not see, or what looks like a mistake."""
    remarks = []
    if counts_rows(numbers if is_number(question.values.type) else question.values):
        remarks.append("counts the rows")
    values = numbers.drop_null().to_numpy().astype(np.float64)
    values = values[np.isfinite(values)]
    if len(values) and (lost := _lost_in_float32(values)):
        remarks.append(f"{lost} of its values are equal in single precision")
    return remarks


def _lost_in_float32(values: npt.NDArray[np.float64]) -> int:
    """Return how many distinct values 32-bit floating point cannot tell from another."""
    largest, spread = np.abs(values).max(), values.max() - values.min()
    if largest < 2**24 and (spread == 0 or largest / spread < 1e4):
        return 0
    if largest > np.finfo(np.float32).max:
        return 0
    distinct = np.unique(values)
    return len(distinct) - len(np.unique(distinct.astype(np.float32)))


def _text_cells(question: Question) -> TextCells:
    return text_cells(distinct_cells(question.values), missing_words(question.options))


def _rules(
    question: Question, kind: ValueKind, decimal: str = ".", thousands: str = ""
) -> ColumnRules:
    missing = missing_words(question.options)
    return ColumnRules(
        name=question.name,
        kind=kind,
        missing=missing,
        decimal=decimal,
        thousands=thousands,
        unit=question.options.unit if kind is ValueKind.NUMBER else "",
    )


def how_written(rules: ColumnRules) -> str:
    parts = ["decimal comma"] if rules.decimal == "," else []
    if rules.thousands:
        parts.append(f"{rules.thousands!r} between thousands")
    if rules.unit:
        parts.append(f"with or without {rules.unit!r}")
    return ", ".join(parts)


def _point(rules: ColumnRules, text: str) -> str:
    """Return a number with a decimal point and without separators of thousands."""
    text = plain_signs(rules, text)
    plain = text.replace(rules.thousands, "") if rules.thousands else text
    return plain.replace(rules.decimal, ".")


def _is_constant(values: pa.ChunkedArray) -> bool:
    ends = pc.min_max(values)
    return bool(ends["min"] == ends["max"])


def _beyond_exact(values: pa.ChunkedArray) -> bool:
    floats = values.cast(pa.float64(), safe=False)
    if pc.max(pc.abs(floats)).as_py() < _EXACT:
        return False
    return bool(pc.count_distinct(values).as_py() > pc.count_distinct(floats).as_py())


def _all_distinct(values: pa.ChunkedArray) -> bool:
    whole = pc.all(pc.equal(values, pc.floor(values))).as_py()
    return bool(len(values) > _FEW_NUMBERS and whole and len(pc.unique(values)) == len(values))


def _plain(value: float) -> str:
    return f"{value:.15g}"
