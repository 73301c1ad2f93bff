"""What groups of rows that belong together do to evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def design_effects(keys: npt.NDArray[np.int64], groups: npt.NDArray[np.str_]) -> Floats:
    """How many rows [n, tracks] say as much as one that stands alone, [tracks], at least 1.

    Kish's design effect 1 + (m - 1) r: m is the size of the group of a row drawn at random, r
    the share of the variance of ranks that lies between groups (one-way analysis of variance).
    All ones without groups [0], or if each row is a group of its own.
    """
    n, tracks = keys.shape
    _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(member) != n or not 1 < len(sizes) < n:
        return np.ones(tracks)
    ranks = keys.argsort(axis=0).argsort(axis=0) / n
    totals = np.zeros((len(sizes), tracks))
    np.add.at(totals, member, ranks)
    means = totals / sizes[:, None]
    between = (sizes[:, None] * (means - ranks.mean(axis=0)) ** 2).sum(axis=0) / (len(sizes) - 1)
    within = ((ranks - means[member]) ** 2).sum(axis=0) / (n - len(sizes))
    typical = (n - (sizes**2).sum() / n) / (len(sizes) - 1)
    share = (between - within) / np.maximum(between + (typical - 1) * within, 1e-12)
    size = float((sizes**2).sum() / n)
    return np.asarray(1.0 + (size - 1.0) * np.clip(share, 0.0, 1.0))
