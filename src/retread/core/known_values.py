"""Categories and labels as they arrive at a door: read by their column's rules, and recognised."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable
from decimal import Decimal

from retread.core.column_rules import ColumnRules, ValueKind, read_value

_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
"""A number in its usual spelling. With leading zeros or an exponent, a text may be a code."""
_TRUTH = frozenset({"true", "false"})


class KnownValues:
    """Reads the values of a category or a label, and tells which of them a model knows.

    A value that is not known as it stands is taken for the known one that spells the same number
    or the same truth value, if there is exactly one: a table of text may hold `1.0`, JSON `1`.
    """

    def __init__(self, rules: ColumnRules, known: Collection[str] | None) -> None:
        """Prepare to read.

        Args:
            rules: The rules of the column, of a category or of booleans.
            known: The values that occurred in training; None if any value may have.
        """
        self._rules = rules
        self._known = None if known is None else frozenset(known)
        self._numbers = _unique(known or (), _number)
        self._truths = _unique(known or (), _truth)

    def read(self, value: object) -> str | None:
        """Return the category or label that a value stands for; None if it is missing.

        Raises:
            UnreadableValue: The rules do not allow it.

        >>> rating = KnownValues(ColumnRules(name="rating", kind=ValueKind.CATEGORY), ["1.0", "07"])
        >>> rating.read(1), rating.read("1"), rating.read("7"), rating.read("NA")
        ('1.0', '1.0', '7', None)
        """
        read = read_value(self._rules, value)
        if read is None:
            return None
        text = str(read)
        if self._known is None or text in self._known:
            return text
        return self._numbers.get(_number(text)) or self._truths.get(_truth(text)) or text

    def is_known(self, text: str) -> bool:
        """Return whether a value that was read occurred in training."""
        return self._known is None or text in self._known


def category_rules(name: str) -> ColumnRules:
    """Return the rules of a column of text about which nothing was decided."""
    return ColumnRules(name=name, kind=ValueKind.CATEGORY)


def _unique(known: Collection[str], key: Callable[[str], Hashable]) -> dict[Hashable, str]:
    """Return the known values by `key`, without those that share theirs."""
    found = [(key(text), text) for text in known]
    counts = Counter(spelled for spelled, _ in found)
    return {
        spelled: text for spelled, text in found if spelled is not None and counts[spelled] == 1
    }


def _number(text: str) -> Hashable:
    # Exact, where float would take large identifiers for one another.
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None


def _truth(text: str) -> Hashable:
    lower = text.lower()
    return lower if lower in _TRUTH else None
