"""Find labels whose images are mirror images of each other, such as left and right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from retread.data.images.inspection import ImageFacts

_MIN_IMAGES = 5
_MAX_PER_LABEL = 64
_MAX_COMPARED = 1_024
_MIN_SHARE = 0.8

Hashes = npt.NDArray[np.uint64]


def mirrored_labels(images: Sequence[tuple[str, ImageFacts]]) -> tuple[str, ...]:
    """Return a sentence for each pair of labels whose images are mirror images of each other.

    Two labels are a pair if the nearest neighbour of most images, by difference hash, has their own
    label, and that of most mirrored images has the other one.

    Args:
        images: The labels and facts of the images.
    """
    names, labels, keys, mirrors = _sample(images)
    if len(names) < 2:
        return ()
    own = _shares(names, labels, labels[_nearest(keys, keys, exclude_self=True)])
    turns = {
        "left to right": ("flip_horizontal", mirrors),
        "top to bottom": ("flip_vertical", keys.byteswap()),
    }
    found = []
    for direction, (setting, turned) in turns.items():
        seen = _shares(names, labels, labels[_nearest(turned, keys, exclude_self=False)])
        found += [
            f"Images of {names[a]!r}, mirrored {direction}, look like those of {names[b]!r}: "
            f"training must not flip them ([training.augmentation] {setting} = false)."
            for a, b in combinations(range(len(names)), 2)
            if min(own[a, a], own[b, b], seen[a, b], seen[b, a]) >= _MIN_SHARE
        ]
    return tuple(found)


def _sample(
    images: Sequence[tuple[str, ImageFacts]],
) -> tuple[list[str], npt.NDArray[np.int64], Hashes, Hashes]:
    """Return the labels with enough images; and label, hash and mirrored hash of a sample."""
    by_label: dict[str, dict[str, ImageFacts]] = defaultdict(dict)
    for label, facts in images:
        if facts.mirror_key:
            by_label[label][facts.digest] = facts
    names = sorted(label for label, facts in by_label.items() if len(facts) >= _MIN_IMAGES)
    most = max(_MIN_IMAGES, min(_MAX_PER_LABEL, _MAX_COMPARED // max(len(names), 1)))
    names = names[: _MAX_COMPARED // _MIN_IMAGES]
    taken = [
        (number, by_label[name][digest])
        for number, name in enumerate(names)
        for digest in sorted(by_label[name])[:most]
    ]
    return (
        names,
        np.array([number for number, _ in taken], np.int64),
        np.array([int(facts.similarity_key, 16) for _, facts in taken], np.uint64),
        np.array([int(facts.mirror_key, 16) for _, facts in taken], np.uint64),
    )


def _nearest(asked: Hashes, known: Hashes, *, exclude_self: bool) -> npt.NDArray[np.int64]:
    """Return the position of the nearest known hash for each hash asked."""
    distances = np.bitwise_count(asked[:, None] ^ known[None, :])
    if exclude_self:
        np.fill_diagonal(distances, 255)
    return np.asarray(distances.argmin(axis=1), np.int64)


def _shares(
    names: Sequence[str], labels: npt.NDArray[np.int64], nearest: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return, by label, the share of its images whose nearest neighbour has each label."""
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (labels, nearest), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float64)
