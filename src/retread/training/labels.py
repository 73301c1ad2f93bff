"""Which labels a model tells apart, and in which order."""

from __future__ import annotations

import numpy as np

from retread.core import InvalidInput
from retread.data.store import LABEL
from retread.training.examples import Examples


def ordered_labels(labels: tuple[str, ...], positive: str) -> tuple[str, ...]:
    """Sorted labels; of two, the positive one comes second.

    >>> ordered_labels(("defective", "good"), "defective")
    ('good', 'defective')
    """
    found = tuple(sorted(labels))
    if positive and positive not in found:
        raise InvalidInput(
            f"[recipe] positive_label is {positive!r}, but the labels are {list(found)}.",
            "Name one of them, or leave it out.",
        )
    if len(found) != 2 or not positive:
        return found
    return tuple(sorted(found, key=lambda label: label == positive))


def check_rows(split: str, examples: Examples, labels: tuple[str, ...]) -> None:
    """InvalidInput unless the split has rows, and, without labels, targets that are numbers."""
    if examples.count == 0:
        raise InvalidInput(
            f"The {split} split has no rows.", "Add more data, or a longer [data] window_days."
        )
    if not labels and not np.isfinite(examples.truth(())).all():
        raise InvalidInput(
            f"The {split} split has rows whose target is missing or infinite.",
            "Remove these rows from the source, and add it again.",
        )


def check_labels(labels: tuple[str, ...], train: Examples, hint: str) -> None:
    """InvalidInput, with the hint, unless there is something to tell apart and all of it occurs."""
    present = set(train.rows[LABEL].to_pylist())
    if len(present) < 2:
        what = f"only the label {next(iter(present))!r}" if labels else "only one target value"
        raise InvalidInput(f"The training split has {what}: there is nothing to tell apart.", hint)
    absent = [label for label in labels if label not in present]
    if absent:
        raise InvalidInput(f"The training split has no example labelled {absent}.", hint)
