"""Summarise a version before it is committed, as input for the checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from retread.data.near_equal import Pairs
from retread.data.source import ImageFindings
from retread.data.split_plan import SplitPlan
from retread.data.store import DIGEST, GROUP, ID, LABEL, SPLIT
from retread.data.text_order import repeated
from retread.data.version import ColumnKind, DatasetVersion, Schema, Split
from retread.project.settings import DataSection

ROW = "_row"
"""Column of a summary's table with the number of the row in the source, from 1."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes since the previous released version, counted in rows.

    Attributes:
        version: The previous released version.
        common: Rows that are in both versions.
        relabelled: Common rows whose label changed.
        moved: Common rows that are in another split now.
        contradicted: Rows of the previous version whose content was added under another label.
        evaluation_relabelled: Relabelled rows of the previous evaluation split.
        evaluation_removed: Rows of the previous evaluation split that were removed.
    """

    version: DatasetVersion
    common: int
    relabelled: int
    moved: int
    evaluation_relabelled: int
    evaluation_removed: int
    contradicted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What the checks know of a version besides its counts.

    Attributes:
        plan: How its rows are assigned to splits.
        settings: The `[data]` section.
        now: The time of the addition.
        table: Its rows in the order of the source: ID, LABEL, SPLIT, TIMESTAMP, ROW and the
            features; None for images.
        near_equal: Pairs of rows of the table that are equal but for noise; None if unknown.
    """

    plan: SplitPlan
    settings: DataSection
    now: datetime
    table: pa.Table | None = None
    near_equal: Pairs | None = None


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
        changes: The changes since the previous released version; None if there is none.
        context: The split plan, the settings, the time, and the rows of a table.
        column_problems: What a person has to decide about columns, one sentence each.
        findings: What the images of the source are like; None for a table.
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
    changes: Changes | None
    context: CheckContext
    column_problems: tuple[str, ...] = ()
    findings: ImageFindings | None = None

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
    changes: Changes | None,
    context: CheckContext,
    column_problems: tuple[str, ...] = (),
    findings: ImageFindings | None = None,
) -> DatasetSummary:
    """Summarise a version.

    Args:
        keys: The KEYS columns of its rows.
        schema: Its columns and labels.
        profile: The statistics of each column.
        unreadable: The files that could not be read.
        changes: The changes since the previous released version; None if there is none.
        context: The split plan, the settings, the time, and the rows of a table.
        column_problems: What a person has to decide about columns.
        findings: What the images of the source are like; None for a table.
    """
    splits = count_by(keys[SPLIT])
    copies = keys.filter(pa.array(repeated(keys[DIGEST])))
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
        split_groups=_spread(keys.filter(pa.array(repeated(keys[GROUP]))), GROUP, SPLIT).num_rows,
        leaked_rows=_leaked_rows(copies),
        conflicting_labels=_conflicting_labels(copies) if schema.labels else 0,
        changes=changes,
        column_problems=column_problems,
        context=context,
        findings=findings,
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
        contradicted=_contradicted(old, new),
    )


def _contradicted(old: pa.Table, new: pa.Table) -> int:
    """Count the old rows that are kept, and whose content is also new under another label."""
    added = new.filter(pc.invert(pc.is_in(new[ID], value_set=old[ID].combine_chunks())))
    kept = old.filter(pc.is_in(old[ID], value_set=new[ID].combine_chunks()))
    shared = added.filter(pc.is_in(added[DIGEST], value_set=kept[DIGEST].combine_chunks()))
    if not shared.num_rows:
        return 0
    labels: dict[str, set[object]] = {}
    for digest, label in zip(shared[DIGEST].to_pylist(), shared[LABEL].to_pylist(), strict=True):
        labels.setdefault(digest, set()).add(label)
    pairs = zip(kept[DIGEST].to_pylist(), kept[LABEL].to_pylist(), strict=True)
    return sum(bool(labels.get(digest, set()) - {label}) for digest, label in pairs)


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
