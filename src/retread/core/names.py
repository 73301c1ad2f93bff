"""The rule for names that appear in paths, URLs and messages."""

from __future__ import annotations

import re

from retread.core.errors import InvalidInput

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def checked_name(kind: str, value: str) -> str:
    """Return `value` if it is a valid name.

    Args:
        kind: What is named, for the error, such as `dataset`.
        value: The name.

    Raises:
        InvalidInput: `value` is not a valid name.

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
    """Return whether `value` is a valid name."""
    return _NAME.fullmatch(value) is not None
