"""The one rule for names that appear in paths, addresses and messages."""

from __future__ import annotations

import re

from retread.core.errors import InvalidInput

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def checked_name(kind: str, value: str) -> str:
    """Return `value` if it is a valid name of a `kind`, else raise InvalidInput.

    >>> checked_name("dataset", "tires")
    'tires'
    """
    if not is_name(value):
        raise InvalidInput(
            f"{value!r} is not a valid {kind} name.",
            "Use 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit.",
        )
    return value


def is_name(value: str) -> bool:
    """Whether `value` may be a name."""
    return _NAME.fullmatch(value) is not None
