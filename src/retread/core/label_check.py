"""Whether a true label can belong to a prediction: one of the classes, or a finite number."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite


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
    """Return whether `label` can be the true label of a prediction.

    Args:
        label: The label as text.
        classes: The model's labels; empty for a model that predicts a number.

    >>> is_valid_label("setosa", ("setosa", "virginica")), is_valid_label("inf", ())
    (True, False)
    """
    return label in classes if classes else finite_number(label) is not None
