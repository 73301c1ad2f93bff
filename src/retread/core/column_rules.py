"""How the values of a column are read: decided when data is added, and obeyed at every door.

The rules are kept in the dataset version and in the bundle. Training files, requests, feedback and
batches are read by the same functions, so that a value means the same wherever it comes from.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
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

_MOST_SHOWN = 60
_MOST_LISTED = 40
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-"})
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})


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
    """

    name: str
    kind: ValueKind
    missing: tuple[str, ...] = MISSING
    decimal: str = "."
    thousands: str = ""


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
    return read_boolean(text) if rules.kind is ValueKind.BOOLEAN else text


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
    return _number_pattern(rules.decimal, rules.thousands)


def plain_signs(rules: ColumnRules, text: str) -> str:
    """Return text with an ASCII minus and, where spaces separate thousands, plain spaces."""
    text = text.translate(_MINUS)
    return text.translate(_SPACES) if rules.thousands == " " else text


def _parse(rules: ColumnRules, value: str) -> float | None:
    text = plain_signs(rules, value)
    if not _number(rules.decimal, rules.thousands).fullmatch(text):
        return None
    if rules.thousands:
        text = text.replace(rules.thousands, "")
    return float(text.replace(rules.decimal, "."))


def _number_pattern(decimal: str, thousands: str) -> str:
    point = re.escape(decimal)
    whole = "[0-9]+"
    if thousands:
        whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+)"
    return f"^[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?$"


@cache
def _number(decimal: str, thousands: str) -> re.Pattern[str]:
    return re.compile(_number_pattern(decimal, thousands))


def _convention(rules: ColumnRules) -> str:
    if rules.decimal == "." and not rules.thousands:
        return ""
    thousands = f" and {rules.thousands!r} for thousands" if rules.thousands else ""
    return f" with {rules.decimal!r} for decimals{thousands}"


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


def listed(names: Collection[str]) -> str:
    """Return names for a message: the first of many, and how many there are more.

    >>> listed(["a", "b"]), listed([])
    ('a, b', 'none')
    """
    few = [name if len(name) <= _MOST_SHOWN else f"{name[:_MOST_SHOWN]}…" for name in names]
    more = f" and {len(few) - _MOST_LISTED} more" if len(few) > _MOST_LISTED else ""
    return (", ".join(few[:_MOST_LISTED]) or "none") + more
