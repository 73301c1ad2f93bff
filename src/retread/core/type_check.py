"""Check the types of arguments where Python code calls Retread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from numbers import Integral, Real
from os import PathLike
from reprlib import repr as shortened
from types import NoneType
from typing import Any, TypeVar

from retread.core.errors import InvalidInput

T = TypeVar("T")

_KINDS: dict[Any, tuple[str, str]] = {
    bool: ("True or False", "Write True or False, without quotes."),
    int: ("a whole number", "Write a whole number, without quotes."),
    float: ("a number", "Write a number, without quotes."),
    str: ("text", "Write it in quotes."),
    PathLike: ("a path", "Write it in quotes, or give a Path."),
    datetime: ("a datetime", "Write it like datetime(2026, 11, 21, 7, 0)."),
    Callable: ("a function", "Give the function itself, without parentheses."),
    NoneType: ("None", ""),
}
"""What each type is called, and how to write a value of it."""

_NUMBERS: dict[Any, type] = {int: Integral, float: Real}
"""Numbers of other libraries count, too: NumPy's, for example."""


def checked_type(name: str, value: T, *types: Any) -> T:
    """Return an argument that has one of the given types; other numbers become Python's.

    Args:
        name: Name of the argument.
        value: Its value.
        types: Of bool, int, float, str, PathLike, datetime, Callable and NoneType. True and False
            are no numbers.

    Raises:
        InvalidInput: The value has another type.

    >>> checked_type("reason", "drift", str)
    'drift'
    >>> checked_type("force", "no", bool)
    Traceback (most recent call last):
    retread.core.errors.InvalidInput: force is 'no', but must be True or False. Write True or \
False, without quotes.
    """
    for kind in types:
        if isinstance(value, bool) and kind is not bool:
            continue
        if isinstance(value, (int, float) if kind is float else kind):
            return value
        if kind in _NUMBERS and isinstance(value, _NUMBERS[kind]):
            converted: T = kind(value)
            return converted
    expected = " or ".join(_KINDS[kind][0] for kind in types)
    raise InvalidInput(
        f"{name} is {shortened(value)}, but must be {expected}.", _KINDS[types[0]][1]
    )
