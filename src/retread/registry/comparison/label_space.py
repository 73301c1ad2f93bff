"""Evidence of two models in the labels of both, so that they can be compared row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retread.bundle import UNKNOWN, Evidence


def in_labels_of_both(
    candidate: Evidence,
    labels: Sequence[str],
    production: Evidence,
    production_labels: Sequence[str],
) -> tuple[Evidence, Evidence]:
    """Return the evidence of both models with one column per label that either knows.

    A model gives probability 0 to a label that it does not know, and is wrong where it is the
    truth.

    Args:
        candidate: The evidence of the candidate.
        labels: The labels of the candidate.
        production: The evidence of production; its truth is UNKNOWN for labels it does not know.
        production_labels: The labels of production.

    Returns:
        The evidence of the candidate and of production; unchanged if their labels are the same.
    """
    if tuple(labels) == tuple(production_labels) or not (
        candidate.is_classification and production.is_classification
    ):
        return candidate, production
    union = list(dict.fromkeys([*labels, *production_labels]))
    ours = _spread(candidate, labels, union)
    theirs = _spread(production, production_labels, union)
    if ours.truth.shape != theirs.truth.shape:
        return ours, theirs
    is_new = ~np.isin(ours.truth, [union.index(label) for label in production_labels])
    known = np.where((theirs.truth == UNKNOWN) & is_new, ours.truth, theirs.truth)
    return ours, replace(theirs, truth=known)


def _spread(evidence: Evidence, labels: Sequence[str], union: Sequence[str]) -> Evidence:
    columns = np.array([union.index(label) for label in labels], dtype=np.int64)
    outputs = np.zeros((len(evidence.outputs), len(union)), dtype=np.float32)
    outputs[:, columns] = evidence.outputs
    known = evidence.truth != UNKNOWN
    truth = np.full(len(evidence.truth), UNKNOWN, dtype=np.int64)
    truth[known] = columns[evidence.truth[known].astype(np.int64)]
    return replace(evidence, truth=truth, outputs=outputs)
