"""How the values of a column are read: decided when data is added, and obeyed at every door.

The rules are kept in the dataset version and in the bundle. Training files, requests, feedback and
batches are read by the same functions, so that a value means the same wherever it comes from.
"""

from __future__ import annotations

import math
import re
import unicodedata
from contextlib import suppress
from enum import StrEnum
from functools import cache
from typing import TypeGuard

import msgspec

MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "n/a",
    "nan", "null",
)  # fmt: skip
"""What counts as a missing value, unless [data.columns] says otherwise."""

TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")
"""Spellings of truth in a boolean column, in any case."""
_TRUTH = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
"""Spellings that programs write where JSON has true and false: one category, with these."""

_MOST_SHOWN = 60
_DIRECTIONS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad" + _DIRECTIONS))
_ZEROS = (0x0660, 0x06F0, 0x0966, 0xFF10)  # Arabic, Persian, Devanagari, full width
_ASCII = {
    **{ord(minus): "-" for minus in "\u2212\u2013\ufe63\uff0d"},
    **{ord(space): " " for space in "\u00a0\u2007\u2009\u202f"},
    **{ord(apostrophe): "'" for apostrophe in "\u2019\u02bc\uff07"},
    **{ord(mark): "," for mark in "\uff0c\u066c"},
    **{ord(mark): "." for mark in "\uff0e\u066b"},
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
}
_SPACE = "[ \u00a0\u2007\u2009\u202f]*"


class ValueKind(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    CATEGORY = "category"
    BOOLEAN = "boolean"


class ColumnRules(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of one column are read.

    Attributes:
        name: Name of the column.
        kind: What its values are. Booleans are the categories `true` and `false`.
        missing: Texts that stand for a missing value.
        decimal: The decimal separator of numbers written as text.
        thousands: The separator of thousands in them; empty if there is none.
        unit: What they may carry, such as `%` or `kg`, before or after them; empty if nothing.
    """

    name: str
    kind: ValueKind
    missing: tuple[str, ...] = MISSING
    decimal: str = "."
    thousands: str = ""
    unit: str = ""


class UnreadableValue(ValueError):
    """A value that the rules of its column cannot read; the message says what they can."""


def clean_text(text: str) -> str:
    """Return text in Unicode form C, without invisible characters and surrounding spaces.

    >>> clean_text(" bad\\u200b\\u00a0")
    'bad'
    """
    visible = text if text.isascii() else unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    return visible.strip()


def read_value(rules: ColumnRules, value: object) -> float | str | None:
    """Return a value as the model takes it: a number, a category, or None if it is missing.

    Args:
        rules: The rules of its column.
        value: A cell of a text file, or a scalar of JSON or Python.

    Raises:
        UnreadableValue: The rules do not allow it.

    >>> zip_code = ColumnRules(name="zip", kind=ValueKind.CATEGORY)
    >>> read_value(zip_code, " 01234 "), read_value(zip_code, 7), read_value(zip_code, "NA")
    ('01234', '7', None)
    >>> price = ColumnRules(name="price", kind=ValueKind.NUMBER, decimal=",", thousands=".")
    >>> read_value(price, "1.234,5"), read_value(price, 2)
    (1234.5, 2.0)
    >>> share = ColumnRules(name="share", kind=ValueKind.NUMBER, unit="%")
    >>> read_value(share, "5 %"), read_value(share, "5"), read_value(share, 5)
    (5.0, 5.0, 5.0)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        value = clean_text(value)
        if value in rules.missing:
            return None
    elif _is_number(value) and value in missing_numbers(rules):
        return None
    if rules.kind is ValueKind.NUMBER:
        return read_number(rules, value)
    text = category_text(value)
    if rules.kind is ValueKind.BOOLEAN:
        return read_boolean(text)
    return _TRUTH.get(text, text)


@cache
def missing_numbers(rules: ColumnRules) -> tuple[float, ...]:
    """Return the numbers that stand for a missing value, such as -999.

    >>> missing_numbers(ColumnRules(name="t", kind=ValueKind.NUMBER, missing=("", "NA", "-999")))
    (-999.0,)
    """
    numbers = []
    for word in rules.missing:
        with suppress(UnreadableValue):
            numbers.append(read_number(rules, word))
    return tuple(numbers)


def read_number(rules: ColumnRules, value: object) -> float:
    """Return a value that is not missing as a number.

    Raises:
        UnreadableValue: It is not a finite number.
    """
    if not isinstance(value, str) and not _is_number(value):
        raise UnreadableValue(f"{shown(value)} is not a number")
    try:
        number = _parse(rules, value) if isinstance(value, str) else float(value)
    except OverflowError:
        number = None
    if number is None or not math.isfinite(number):
        raise UnreadableValue(f"{shown(value)} is not a finite number{_convention(rules)}")
    return number


def number_pattern(rules: ColumnRules) -> str:
    """Return a regular expression of the numbers that the rules read, in the syntax of RE2.

    Separators of thousands must stand where they belong, so that 1.5 is never read as 15.
    """
    return _number_pattern(rules.decimal, rules.thousands, rules.unit)


def unit_patterns(unit: str) -> tuple[str, str]:
    """Return what matches a unit before a number, with its sign as a group, and one after it."""
    escaped = re.escape(unit)
    return f"^([+-]?){escaped}{_SPACE}", f"{_SPACE}{escaped}$"


def without_unit(unit: str, text: str) -> str:
    """Return a text without the unit at one of its ends.

    >>> without_unit("$", "-$5"), without_unit("kg", "5 kg"), without_unit("", "5 kg")
    ('-5', '5', '5 kg')
    """
    if not unit:
        return text
    before, after = unit_patterns(unit)
    shorter = re.sub(before, r"\1", text)
    return shorter if shorter != text else re.sub(after, "", text)


def plain_signs(text: str) -> str:
    """Return text with digits, signs, spaces and separators of numbers as ASCII has them.

    >>> plain_signs("\u22121\u202f234,5"), plain_signs("\uff11\uff12")
    ('-1 234,5', '12')
    """
    return text if text.isascii() else text.translate(_ASCII)


def _parse(rules: ColumnRules, value: str) -> float | None:
    text = plain_signs(value)
    if not _number(rules.decimal, rules.thousands, rules.unit).fullmatch(text):
        return None
    text = without_unit(rules.unit, text)
    if rules.thousands:
        text = text.replace(rules.thousands, "")
    return float(text.replace(rules.decimal, "."))


def _number_pattern(decimal: str, thousands: str, unit: str) -> str:
    point = re.escape(decimal)
    whole = "[0-9]+"
    if thousands:
        mark = re.escape(thousands)
        whole = f"[0-9]+|[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
        if thousands == ",":  # India: 1,00,000
            whole += "|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"
        whole = f"(?:{whole})"
    number = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    if not unit:
        return f"^[+-]?{number}$"
    carried = re.escape(unit)
    with_sign_inside = f"{carried}{_SPACE}[+-]?{number}"
    with_sign_outside = f"[+-]{carried}{_SPACE}{number}"
    return f"^(?:{with_sign_inside}|{with_sign_outside}|[+-]?{number}(?:{_SPACE}{carried})?)$"


@cache
def _number(decimal: str, thousands: str, unit: str) -> re.Pattern[str]:
    return re.compile(_number_pattern(decimal, thousands, unit))


def _convention(rules: ColumnRules) -> str:
    unit = f", alone or with {rules.unit!r}" if rules.unit else ""
    if rules.decimal == "." and not rules.thousands:
        return unit
    thousands = f" and {rules.thousands!r} for thousands" if rules.thousands else ""
    return f" with {rules.decimal!r} for decimals{thousands}{unit}"


def category_text(value: object) -> str:
    """Return the category that a scalar stands for.

    >>> category_text(1.0), category_text(True), category_text("1.0")
    ('1', 'true', '1.0')

    Raises:
        UnreadableValue: It is not a scalar.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else repr(value)
    raise UnreadableValue(f"{shown(value)} is not a text, a number or a truth value")


def read_boolean(text: str) -> str:
    """Return `true` or `false` for any of their spellings.

    Raises:
        UnreadableValue: It is neither.
    """
    lower = text.lower()
    if lower in TRUE:
        return "true"
    if lower in FALSE:
        return "false"
    raise UnreadableValue(f"{shown(text)} is neither true nor false")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def allowed(rules: ColumnRules) -> str:
    """Return what a column takes, in a sentence.

    >>> allowed(ColumnRules(name="price", kind=ValueKind.NUMBER, decimal=",", thousands="."))
    "'price' takes finite numbers, as text like 1.234,5; null and empty text are missing values."
    """
    if rules.kind is ValueKind.NUMBER:
        takes = f"finite numbers, as text like 1{rules.thousands}234{rules.decimal}5"
        takes += f", alone or with {rules.unit!r}" if rules.unit else ""
    elif rules.kind is ValueKind.BOOLEAN:
        takes = f"true and false, as text {', '.join(TRUE)} and {', '.join(FALSE)} in any case"
    else:
        takes = "texts, numbers, true and false"
    missing = "null and empty text are missing values" if "" in rules.missing else "null is missing"
    return f"{rules.name!r} takes {takes}; {missing}."


def shown(value: object) -> str:
    """Return a value for a message, cut to a readable length.

    >>> shown("a"), len(shown("a" * 100))
    ("'a'", 61)
    """
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
