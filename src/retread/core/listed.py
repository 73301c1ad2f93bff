"""List names in a message: the first ones, and how many there are besides."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 12


def listed(values: Iterable[object], most: int = _MOST, separator: str = ", ") -> str:
    """Return values in a row, the first ones and the number of the others.

    Args:
        values: The values, as they are shown.
        most: How many to show at most.
        separator: What stands between them.

    >>> listed(["a", "b"]), listed([]), listed(range(300), most=3)
    ('a, b', 'none', '0, 1, 2 and 297 more')
    """
    texts = [str(value) for value in values]
    more = len(texts) - most
    return (separator.join(texts[:most]) or "none") + (f" and {more} more" if more > 0 else "")
