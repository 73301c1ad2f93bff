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
    missing_numbers,
    plain_signs,
    without_unit,
)
from retread.data.row_numbers import RowNumbers
from retread.data.tables.cells import blank_missing, distinct_cells, is_number, plain_values
from retread.data.tables.numbers import (
    CodeReason,
    NumberReading,
    code_reason,
    may_be_grouped_by_points,
    plainly_numbers,
    read_numbers,
)
from retread.data.tables.remarks import (
    are_distinct_integers,
    is_beyond_exact,
    is_constant,
    number_remarks,
    shown_number,
)
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
from retread.data.tables.time_texts import looks_like_times
from retread.data.tables.units import affix_of, affix_problem, units_of, units_problem
from retread.project.settings import ColumnSection, ColumnType
from retread.project.toml_text import as_key

_FEW_NUMBERS = 20
_MOSTLY, _NEARLY_ALL = 0.5, 0.9
_FEW_WORDS = 5
_FIRST = 1000
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
        numbers: Its values, where the decision read all of them as the rules do.
    """

    kind: str
    rules: ColumnRules | None
    reason: str = ""
    problem: str = ""
    unit: str = ""
    numbers: pa.ChunkedArray | None = None


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
        return _typed_boolean(question, values)
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
        return ColumnVerdict(
            "number", rules, "; ".join(number_remarks(question.name, question.values, numbers))
        )
    known = numbers.drop_null()
    if len(known) and not numbers.null_count and is_constant(known):
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown_number(known[0].as_py())}")
    if pa.types.is_integer(known.type) and is_beyond_exact(known):
        return ColumnVerdict("identifier", None, f"whole numbers beyond 2**53, such as {known[0]}")
    if _ID_NAME.search(question.name) and are_distinct_integers(known):
        some = ", ".join(shown_number(v) for v in known.slice(0, 3).to_pylist())
        return ColumnVerdict("identifier", None, f"its name, and each row has its own: {some}, ...")
    return ColumnVerdict(
        "number", rules, "; ".join(number_remarks(question.name, question.values, numbers))
    )


def _of_texts(question: Question) -> ColumnVerdict:
    plain = _plain_numbers(question)
    other = question.comma_file or question.options.thousands
    if plain is not None and not other and not _may_be_grouped(question):
        return replace(_of_numbers(replace(question, values=plain), plain), numbers=plain)
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


def _plain_numbers(question: Question) -> pa.ChunkedArray | None:
    """Return the values of a column whose cells are plainly written numbers, or missing."""
    if not missing_numbers(_rules(question, ValueKind.NUMBER)):
        # No word for a missing value is among cells that are plain numbers.
        numbers = plainly_numbers(question.values)
        if numbers is not None:
            return numbers
    words = missing_words(question.options)
    # The first cells tell most columns of texts.
    if not _may_be_numbers(blank_missing(question.values.slice(0, _FIRST), words)):
        return None
    return plainly_numbers(blank_missing(question.values, words))


def _may_be_numbers(texts: pa.ChunkedArray) -> bool:
    try:
        texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


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
        problem = units_problem(question.name, examples, units)
    if question.wanted:
        return ColumnVerdict("category", rules, f"{len(cells.texts)} values", problem, unit)
    if len(cells.texts) == 1 and not cells.missing:
        return ColumnVerdict(CONSTANT, rules, f"every row has {shown(cells.texts[0])}")
    if units:
        kind = f"numbers with {' or '.join(units)}"
        return ColumnVerdict(kind, None, examples, problem, unit)
    if affix := affix_of(cells.texts):
        return ColumnVerdict(
            f"numbers with {affix}", None, examples, affix_problem(question.name, examples, affix)
        )
    if is_prose(cells):
        return ColumnVerdict("free text", None, examples)
    if is_identifier(cells):
        return ColumnVerdict("identifier", None, f"nearly every row has its own: {examples}")
    return ColumnVerdict("category", rules, "; ".join(_category_remarks(question, cells)))


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


def _typed_boolean(question: Question, values: pa.ChunkedArray) -> ColumnVerdict:
    rules = _rules(question, ValueKind.BOOLEAN)
    if len(values) and not values.null_count and is_constant(values):
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
    key = as_key(question.name)
    return (
        f"Column {question.name!r} has numbers that may have a decimal {name} or a {name} between "
        f"thousands: {cells.examples(question.rows, marked)}. Say which: [data.columns] {key} "
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
    text = plain_signs(text)
    plain = text.replace(rules.thousands, "") if rules.thousands else text
    return plain.replace(rules.decimal, ".")
