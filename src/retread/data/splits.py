"""Which split an example belongs to: a matter of its group alone, so it never moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from retread.data.version import Split

_SCALE = 2.0**64


def split_of(group: str, *, evaluation_share: float, validation_share: float) -> Split:
    """The split of every example of `group`, whatever else is in the dataset.

    >>> split_of("tire 7", evaluation_share=0.2, validation_share=0.15)
    <Split.TRAIN: 'train'>
    """
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / _SCALE
    if place < evaluation_share:
        return Split.EVALUATION
    if place < evaluation_share + validation_share:
        return Split.VALIDATION
    return Split.TRAIN


def splits_of(
    groups: Iterable[str],
    fixed: Mapping[str, str],
    *,
    evaluation_share: float,
    validation_share: float,
) -> list[str]:
    """The split of each group, in order; `fixed` are those that groups have already."""
    known = dict(fixed)
    answer = []
    for group in groups:
        split = known.get(group)
        if split is None:
            split = known[group] = split_of(
                group, evaluation_share=evaluation_share, validation_share=validation_share
            ).value
        answer.append(split)
    return answer
