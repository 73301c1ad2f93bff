"""True labels: reading them as the labels of the training data, and whether they fit a task."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite

from retread.core.column_rules import (
    ColumnRules,
    UnreadableValue,
    ValueKind,
    read_value,
    shown,
)
from retread.core.known_values import KnownValues


class LabelReader:
    """Reads true labels as they were read in training: the classes of a model, or its target."""

    def __init__(self, classes: Collection[str], rules: ColumnRules | None) -> None:
        """Prepare to read.

        Args:
            classes: The model's labels; empty for a model that predicts a number.
            rules: How labels are read; None for any text.
        """
        default = ColumnRules(name="label", kind=ValueKind.CATEGORY, missing=("",))
        if not classes:
            default = ColumnRules(name="label", kind=ValueKind.NUMBER)
        self._rules = rules or default
        self._classes = KnownValues(self._rules, classes) if classes else None

    def read(self, value: object) -> str:
        """Return a label as text: a class, which may be a new one, or a number.

        Raises:
            UnreadableValue: It is missing, or not a number where the model predicts one.

        >>> LabelReader(["True", "False"], None).read(True), LabelReader([], None).read("1e3")
        ('True', '1000.0')
        """
        read: object
        if self._classes is not None:
            read = self._classes.read(value)
        else:
            read = read_value(self._rules, value)
        if read is None:
            raise UnreadableValue(f"{shown(value)} is a missing value")
        return str(read)

    def is_known(self, label: str) -> bool:
        """Return whether the model can predict a label that was read."""
        return self._classes is None or self._classes.is_known(label)


def finite_number(text: str) -> float | None:
    """Return the finite number that `text` spells; None if it spells none.

    >>> finite_number("1e3"), finite_number("nan"), finite_number("many")
    (1000.0, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def is_valid_label(label: str, classes: Collection[str]) -> bool:
    """Return whether a model can predict a label: one of its classes, or a finite number.

    Args:
        label: The label as text.
        classes: The model's labels; empty for a model that predicts a number.

    >>> is_valid_label("setosa", ("setosa", "virginica")), is_valid_label("inf", ())
    (True, False)
    """
    return label in classes if classes else finite_number(label) is not None


def can_be_true(label: str, classes: Collection[str]) -> bool:
    """Return whether a label can be the truth of a prediction: any class, or a finite number.

    A class that the model does not know is one that it was wrong about.

    >>> can_be_true("bulge", ("bad", "good")), can_be_true("many", ())
    (True, False)
    """
    return bool(classes) or finite_number(label) is not None
