"""Decide what a column is from all of its cells, and by which rules its values are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core.column_rules import (
    MISSING,
    ColumnRules,
    ValueKind,
    category_text,
    plain_signs,
)
from retread.data.tables.cells import blank_missing, distinct_cells, is_number, plain_values
from retread.data.tables.numbers import (
    CodeReason,
    NumberReading,
    code_reason,
    may_be_grouped_by_points,
    plainly_numbers,
    read_numbers,
)
from retread.data.tables.remarks import counts_rows, number_remarks, shown_number
from retread.data.tables.texts import (
    TextCells,
    affix_of,
    are_truth_values,
    is_identifier,
    is_prose,
    long_text,
    near_equal,
    shown,
    text_cells,
    toml_key,
    unit_of,
)
from retread.data.tables.time_texts import looks_like_times
from retread.project.settings import ColumnSection, ColumnType

_FEW_NUMBERS = 20
_MOSTLY, _NEARLY_ALL = 0.5, 0.9
_FEW_WORDS = 5
_EXACT = 2.0**53
_ID_NAME = re.compile(
    r"(^|[_\W])(id|uuid|guid|key|rowid|row_?nr|row_?no|index|idx)$", re.IGNORECASE
)
_SAVED_INDEX = re.compile(r"Unnamed: 0(\.\d+)?|__index_level_\d+__")
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
    """

    kind: str
    rules: ColumnRules | None
    reason: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A column about which to decide.

    Attributes:
        name: Its name.
        values: Its cells.
        options: What [data.columns] says about it.
        first_row: The number of its first row in the file.
        wanted: Whether the settings ask for it as a feature.
        comma_file: Whether another column of the file has decimal commas for certain.
        semicolons: Whether semicolons separate the cells of the file, as where decimals are written
            with a comma.
    """

    name: str
    values: pa.ChunkedArray
    options: ColumnSection
    first_row: int
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
    if kind := _KINDS.get(question.options.type or ColumnType.TIME):
        return _as_asked(question, kind)
    if pa.types.is_boolean(values.type):
        return _typed_boolean(question, values)
    if is_number(values.type):
        return _of_numbers(question, values)
    return _of_texts(question)


def missing_words(options: ColumnSection) -> tuple[str, ...]:
    """Return the texts that stand for a missing value."""
    return MISSING if options.missing is None else ("", *options.missing)


def is_saved_index(name: str, values: pa.ChunkedArray, position: int) -> bool:
    """Return whether a column is the index that a data frame was saved with."""
    if _SAVED_INDEX.fullmatch(name):
        return True
    at_front = position == 0
    return at_front and (not name or (name in ("index", "level_0") and counts_rows(values)))


def _as_asked(question: Question, kind: ValueKind) -> ColumnVerdict:
    reason = "as [data.columns] says"
    if kind is not ValueKind.NUMBER or not pa.types.is_string(question.values.type):
        return ColumnVerdict(kind.value, _rules(question, kind), reason)
    options = question.options
    if options.decimal or options.thousands:
        rules = _rules(question, kind, options.decimal or ".", options.thousands)
        return ColumnVerdict(kind.value, rules, reason)
    cells = _text_cells(question)
    reading = _read_numbers(question, cells)
    rules = _rules(question, kind, reading.decimal, reading.thousands)
    return ColumnVerdict(kind.value, rules, reason, _ambiguity(question, cells, reading))


def _of_numbers(question: Question, numbers: pa.ChunkedArray) -> ColumnVerdict:
    """Decide about numbers that are typed, or plainly written."""
    rules = _rules(question, ValueKind.NUMBER)
    if question.wanted:
        return ColumnVerdict(
            "number", rules, "; ".join(number_remarks(question.name, question.values, numbers))
        )
    known = numbers.drop_null()
    if len(known) and not numbers.null_count and _is_constant(known):
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown_number(known[0].as_py())}")
    if pa.types.is_integer(known.type) and _beyond_exact(known):
        return ColumnVerdict("identifier", None, f"whole numbers beyond 2**53, such as {known[0]}")
    if _ID_NAME.search(question.name) and _all_distinct(known):
        some = ", ".join(shown_number(v) for v in known.slice(0, 3).to_pylist())
        return ColumnVerdict("identifier", None, f"its name, and each row has its own: {some}, ...")
    return ColumnVerdict(
        "number", rules, "; ".join(number_remarks(question.name, question.values, numbers))
    )


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
        return _time(cells.examples(question.first_row))
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
        f"{cells.examples(question.first_row, repeated)}. Say what they are: [data.columns] "
        f'{toml_key(question.name)} = "category" or "number".'
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
    if question.wanted:
        return ColumnVerdict("category", rules, f"{len(cells.texts)} values")
    if len(cells.texts) == 1 and not cells.missing:
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown(cells.texts[0])}")
    examples = cells.examples(question.first_row)
    if unit := unit_of(cells.texts) or affix_of(cells.texts):
        problem = (
            f"Column {question.name!r} has numbers with {unit!r}: {examples}. It is not used as it "
            f"is: write the numbers alone, or set [data.columns] {toml_key(question.name)} = "
            '"category" or "ignore".'
        )
        return ColumnVerdict(f"numbers with {unit}", None, examples, problem)
    if is_prose(cells):
        return ColumnVerdict("free text", None, examples)
    if is_identifier(cells):
        return ColumnVerdict("identifier", None, f"nearly every row has its own: {examples}")
    return ColumnVerdict("category", rules, "; ".join(_category_remarks(question, cells)))


def _category_remarks(question: Question, cells: TextCells) -> list[str]:
    remarks = [f"{len(cells.texts)} values"]
    if (longest := long_text(cells)) is not None:
        row, length = cells.first[longest] + question.first_row, len(cells.texts[longest])
        remarks.append(f"row {row} has a text of {length} characters")
    if alike := near_equal(cells.texts):
        remarks.append("alike: " + ", ".join(map(shown, alike[0])))
    if "NA" in missing_words(question.options) and cells.missing:
        named = pc.sum(pc.equal(question.values, "NA")).as_py() or 0
        if named and all(len(text) == 2 and text.isupper() for text in cells.texts):
            key = toml_key(question.name)
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


def _typed_boolean(question: Question, values: pa.ChunkedArray) -> ColumnVerdict:
    rules = _rules(question, ValueKind.BOOLEAN)
    if len(values) and not values.null_count and _is_constant(values):
        return ColumnVerdict(CONSTANT, rules, f"every row has {category_text(values[0].as_py())}")
    return ColumnVerdict("boolean", rules)


def _time(examples: str = "") -> ColumnVerdict:
    how = "set [data] timestamp to use it as the time of a row"
    return ColumnVerdict("time", None, f"{examples}; {how}" if examples else how)


def _is_number_but_for_a_few(cells: TextCells, reading: NumberReading) -> bool:
    numbers = int(reading.readable.sum())
    # Nobody writes a word for infinity among categories.
    words = ~(reading.numeric | reading.infinite)
    share = 1 - cells.counts[words].sum() / cells.known
    if share >= _NEARLY_ALL:
        return numbers > 0
    return bool(share >= _MOSTLY and numbers > _FEW_NUMBERS and words.sum() <= _FEW_WORDS)


def _ambiguity(question: Question, cells: TextCells, reading: NumberReading) -> str:
    if not reading.ambiguous:
        return ""
    mark = reading.thousands or reading.decimal
    other, name = (".", "comma") if mark == "," else (",", "point")
    marked = np.array([mark in text for text in cells.texts])
    key = toml_key(question.name)
    return (
        f"Column {question.name!r} has numbers that may have a decimal {name} or a {name} between "
        f"thousands: {cells.examples(question.first_row, marked)}. Say which: [data.columns] {key} "
        f'= {{type = "number", decimal = "{mark}"}} or '
        f'{{type = "number", decimal = "{other}", thousands = "{mark}"}}.'
    )


def _text_cells(question: Question) -> TextCells:
    return text_cells(distinct_cells(question.values), missing_words(question.options))


def _rules(
    question: Question, kind: ValueKind, decimal: str = ".", thousands: str = ""
) -> ColumnRules:
    missing = missing_words(question.options)
    thousands = plain_signs(thousands)
    return ColumnRules(
        name=question.name, kind=kind, missing=missing, decimal=decimal, thousands=thousands
    )


def how_written(rules: ColumnRules) -> str:
    parts = ["decimal comma"] if rules.decimal == "," else []
    if rules.thousands:
        parts.append(f"{rules.thousands!r} between thousands")
    return ", ".join(parts)


def _point(rules: ColumnRules, text: str) -> str:
    """Return a number with a decimal point and without separators of thousands."""
    text = plain_signs(text)
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
