"""Assign groups of examples to splits, by group alone, so that an example never moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from retread.data.version import Split

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), Split.TRAIN),
    **dict.fromkeys(("valid", "val", "validation", "dev"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "holdout"), Split.EVALUATION),
}
"""The words by which a folder or a column names a split."""

_SCALE = 2.0**64


def split_of(group: str, *, evaluation_share: float, validation_share: float) -> Split:
    """Return the split of all examples of a group, which depends on nothing else in the dataset.

    >>> split_of("tire 7", evaluation_share=0.2, validation_share=0.15)
    <Split.TRAIN: 'train'>

    Args:
        group: The name of the group.
        evaluation_share: The share of groups for evaluation, 0..1.
        validation_share: The share of groups for validation, 0..1.
    """
    position = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / _SCALE
    if position < evaluation_share:
        return Split.EVALUATION
    if position < evaluation_share + validation_share:
        return Split.VALIDATION
    return Split.TRAIN


def splits_of(
    groups: Iterable[str],
    fixed: Mapping[str, str],
    *,
    evaluation_share: float,
    validation_share: float,
) -> list[str]:
    """Return the split of each group, in order.

    Args:
        groups: The names of the groups.
        fixed: The splits of groups that already have one.
        evaluation_share: The share of new groups for evaluation, 0..1.
        validation_share: The share of new groups for validation, 0..1.
    """
    known = dict(fixed)
    splits = []
    for group in groups:
        split = known.get(group)
        if split is None:
            split = known[group] = split_of(
                group, evaluation_share=evaluation_share, validation_share=validation_share
            ).value
        splits.append(split)
    return splits


def split_of_word(word: str) -> Split | None:
    """Return the split that a folder or a value names; None if it names none.

    >>> split_of_word(" Valid "), split_of_word("good")
    (<Split.VALIDATION: 'validation'>, None)
    """
    return SPLIT_WORDS.get(word.strip().lower())
