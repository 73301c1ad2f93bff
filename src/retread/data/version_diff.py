"""Compare two versions of a dataset."""

from __future__ import annotations

import msgspec

from retread.core import InvalidInput
from retread.data.profile import profile_shifts
from retread.data.store import ID, LABEL, SOURCE, SPLIT, DatasetStore
from retread.data.version import DatasetVersion

_EXAMPLES = 5


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The changes from version `left` to version `right`.

    `added`, `removed`, `relabelled` and `moved` (to another split) count rows; `examples` lists the
    sources of some rows of each kind. `labels` is the change of the number of rows by label.
    `shifts` are by column: the difference of the means in standard deviations of `left`, or, for
    categories, the total variation distance over the most frequent ones.
    """

    left: str
    right: str
    added: int
    removed: int
    relabelled: int
    moved: int
    same_evaluation: bool
    labels: dict[str, int]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    shifts: dict[str, float]
    examples: dict[str, tuple[str, ...]]


def diff(store: DatasetStore, left: DatasetVersion, right: DatasetVersion) -> Diff:
    """Compare two versions of one dataset.

    Args:
        store: The store that holds both versions.
        left: The version to compare with, usually the earlier one.
        right: The version to compare.

    Raises:
        InvalidInput: The versions belong to different datasets.
    """
    if left.dataset != right.dataset:
        raise InvalidInput(
            f"{left.reference} and {right.reference} belong to different datasets.",
            "Compare two versions of one dataset.",
        )
    before, after = _rows(store, left), _rows(store, right)
    common = before.keys() & after.keys()
    kinds = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "relabelled": sorted(i for i in common if before[i][0] != after[i][0]),
        "moved": sorted(i for i in common if before[i][1] != after[i][1]),
    }
    old = {column.name for column in left.schema.columns}
    new = {column.name for column in right.schema.columns}
    everything = {**before, **after}
    return Diff(
        left=left.reference,
        right=right.reference,
        added=len(kinds["added"]),
        removed=len(kinds["removed"]),
        relabelled=len(kinds["relabelled"]),
        moved=len(kinds["moved"]),
        same_evaluation=left.evaluation_digest == right.evaluation_digest,
        labels={
            label: right.labels.get(label, 0) - left.labels.get(label, 0)
            for label in sorted({*left.labels, *right.labels})
        },
        columns_added=tuple(sorted(new - old)),
        columns_removed=tuple(sorted(old - new)),
        shifts=profile_shifts(left.profile, right.profile),
        examples={k: tuple(everything[i][2] for i in ids[:_EXAMPLES]) for k, ids in kinds.items()},
    )


def _rows(store: DatasetStore, version: DatasetVersion) -> dict[str, tuple[str, str, str]]:
    table = store.read(version, columns=[ID, LABEL, SPLIT, SOURCE])
    ids, labels, splits, sources = (table[name].to_pylist() for name in (ID, LABEL, SPLIT, SOURCE))
    return dict(zip(ids, zip(labels, splits, sources, strict=True), strict=True))
