"""Summarise a version before it is committed, as input for the checks."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retread.data.source import ImageFindings
from retread.data.store import DIGEST, GROUP, ID, LABEL, SPLIT
from retread.data.version import ColumnKind, DatasetVersion, Schema, Split


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes since the previous released version, counted in rows.

    Attributes:
        version: The previous released version.
        common: Rows that are in both versions.
        relabelled: Common rows whose label changed.
        moved: Common rows that are in another split now.
        evaluation_relabelled: Relabelled rows of the previous evaluation split.
        evaluation_removed: Rows of the previous evaluation split that were removed.
    """

    version: DatasetVersion
    common: int
    relabelled: int
    moved: int
    evaluation_relabelled: int
    evaluation_removed: int


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A summary of the version that is about to be committed.

    Attributes:
        schema: Its columns and labels.
        rows: The number of rows.
        splits: The number of rows by split.
        labels: The number of rows by split, then label; empty for regression.
        profile: The statistics of each column.
        unreadable: The files that could not be read, each with the reason.
        split_groups: Groups that are in more than one split.
        leaked_rows: Rows of the validation and evaluation splits whose content is also in another
            split.
        conflicting_labels: Rows whose content also occurs under another label.
        max_label_share: The largest share of rows that one label may have, from the settings.
        changes: The changes since the previous released version; None if there is none.
        findings: What the images of the source are like; None for a table.
        max_unreadable_share: The largest share of images that may be unreadable, from the settings.
    """

    schema: Schema
    rows: int
    splits: dict[Split, int]
    labels: dict[Split, dict[str, int]]
    profile: dict[str, dict[str, float]]
    unreadable: tuple[str, ...]
    split_groups: int
    leaked_rows: int
    conflicting_labels: int
    max_label_share: float
    changes: Changes | None
    findings: ImageFindings | None = None
    max_unreadable_share: float = 0.0

    @property
    def is_images(self) -> bool:
        """Whether the dataset consists of images."""
        return self.schema.columns[0].kind is ColumnKind.IMAGE

    @property
    def label_counts(self) -> dict[str, int]:
        """The number of rows by label, over all splits."""
        totals = dict.fromkeys(self.schema.labels, 0)
        for counts in self.labels.values():
            for label, count in counts.items():
                totals[label] += count
        return totals


def summarise(
    keys: pa.Table,
    schema: Schema,
    profile: dict[str, dict[str, float]],
    unreadable: tuple[str, ...],
    max_label_share: float,
    changes: Changes | None,
    findings: ImageFindings | None = None,
    max_unreadable_share: float = 0.0,
) -> DatasetSummary:
    """Summarise a version.

    Args:
        keys: The KEYS columns of its rows.
        schema: Its columns and labels.
        profile: The statistics of each column.
        unreadable: The files that could not be read.
        max_label_share: The largest share of rows that one label may have.
        changes: The changes since the previous released version; None if there is none.
        findings: What the images of the source are like; None for a table.
        max_unreadable_share: The largest share of images that may be unreadable.
    """
    splits = count_by(keys[SPLIT])
    return DatasetSummary(
        schema=schema,
        rows=keys.num_rows,
        splits={split: splits.get(split.value, 0) for split in Split},
        labels={
            split: count_by(keys.filter(pc.equal(keys[SPLIT], split.value))[LABEL])
            for split in Split
        }
        if schema.labels
        else {},
        profile=profile,
        unreadable=unreadable,
        split_groups=_spread(keys, GROUP, SPLIT).num_rows,
        leaked_rows=_leaked_rows(keys),
        conflicting_labels=_conflicting_labels(keys) if schema.labels else 0,
        max_label_share=max_label_share,
        changes=changes,
        findings=findings,
        max_unreadable_share=max_unreadable_share,
    )


def compare(before: DatasetVersion, old: pa.Table, new: pa.Table) -> Changes:
    """Count the changes from the rows of a version to those of the next one.

    Args:
        before: The earlier version.
        old: The KEYS columns of its rows.
        new: The KEYS columns of the next version's rows.
    """
    fields = [ID, LABEL, SPLIT]
    now = {id_: (label, split) for id_, label, split in _tuples(new, fields)}
    common = relabelled = moved = evaluation_relabelled = evaluation_removed = 0
    for id_, label, split in _tuples(old, fields):
        in_evaluation = split == Split.EVALUATION.value
        current = now.get(id_)
        if current is None:
            evaluation_removed += in_evaluation
            continue
        common += 1
        moved += current[1] != split
        if current[0] != label:
            relabelled += 1
            evaluation_relabelled += in_evaluation
    return Changes(
        version=before,
        common=common,
        relabelled=relabelled,
        moved=moved,
        evaluation_relabelled=evaluation_relabelled,
        evaluation_removed=evaluation_removed,
    )


def count_by(values: pa.ChunkedArray) -> dict[str, int]:
    """Return the number of occurrences of each value, sorted by value."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(values).to_pylist()}
    return dict(sorted(counts.items()))


def _leaked_rows(keys: pa.Table) -> int:
    held_out = keys.filter(pc.not_equal(keys[SPLIT], Split.TRAIN.value))
    return _count_rows_with(held_out, _spread(keys, DIGEST, SPLIT))


def _conflicting_labels(keys: pa.Table) -> int:
    return _count_rows_with(keys, _spread(keys, DIGEST, LABEL))


def _spread(keys: pa.Table, name: str, over: str) -> pa.Table:
    """Return the values of `name` that occur with more than one value of `over`."""
    counts = keys.group_by(name).aggregate([(over, "count_distinct")])
    return counts.filter(pc.greater(counts[f"{over}_count_distinct"], 1))


def _count_rows_with(keys: pa.Table, digests: pa.Table) -> int:
    return int(pc.sum(pc.is_in(keys[DIGEST], value_set=digests[DIGEST])).as_py() or 0)


def _tuples(table: pa.Table, names: list[str]) -> zip[tuple[str, str, str]]:
    first, second, third = (table[name].to_pylist() for name in names)
    return zip(first, second, third, strict=True)
