"""What the checks look at: a version, and what became of the one before."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retread.data.store import DIGEST, GROUP, ID, LABEL, SPLIT
from retread.data.version import ColumnKind, DatasetVersion, Schema, Split


@dataclass(frozen=True, slots=True)
class Changes:
    """From the released version before to this one, in rows.

    `evaluation_*` count rows of the earlier evaluation split; `moved` those in another split now.
    """

    version: DatasetVersion
    common: int
    relabelled: int
    moved: int
    evaluation_relabelled: int
    evaluation_removed: int


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A version that is about to be committed.

    `labels` counts by split, then label; empty for regression. `divided` counts groups that are in
    several splits, `crossing` rows of the validation and evaluation splits whose content is also in
    another one, `contradicting` rows whose content also has another label.
    """

    schema: Schema
    rows: int
    splits: dict[Split, int]
    labels: dict[Split, dict[str, int]]
    profile: dict[str, dict[str, float]]
    unreadable: tuple[str, ...]
    divided: int
    crossing: int
    contradicting: int
    max_label_share: float
    changes: Changes | None

    @property
    def is_images(self) -> bool:
        return self.schema.columns[0].kind is ColumnKind.IMAGE

    @property
    def label_counts(self) -> dict[str, int]:
        """Rows by label, over all splits."""
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
) -> DatasetSummary:
    """The summary of a version's KEYS columns."""
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
        divided=_spread(keys, GROUP, SPLIT).num_rows,
        crossing=_crossing(keys),
        contradicting=_contradicting(keys) if schema.labels else 0,
        max_label_share=max_label_share,
        changes=changes,
    )


def compare(before: DatasetVersion, old: pa.Table, new: pa.Table) -> Changes:
    """What became of the rows of a version; both tables have the KEYS columns."""
    fields = [ID, LABEL, SPLIT]
    now = {id_: (label, split) for id_, label, split in _tuples(new, fields)}
    common = relabelled = moved = evaluation_relabelled = evaluation_removed = 0
    for id_, label, split in _tuples(old, fields):
        frozen = split == Split.EVALUATION.value
        current = now.get(id_)
        if current is None:
            evaluation_removed += frozen
            continue
        common += 1
        moved += current[1] != split
        if current[0] != label:
            relabelled += 1
            evaluation_relabelled += frozen
    return Changes(
        version=before,
        common=common,
        relabelled=relabelled,
        moved=moved,
        evaluation_relabelled=evaluation_relabelled,
        evaluation_removed=evaluation_removed,
    )


def count_by(values: pa.ChunkedArray) -> dict[str, int]:
    """How often each value occurs, by value in order."""
    counts = {item["values"]: item["counts"] for item in pc.value_counts(values).to_pylist()}
    return dict(sorted(counts.items()))


def _crossing(keys: pa.Table) -> int:
    held_out = keys.filter(pc.not_equal(keys[SPLIT], Split.TRAIN.value))
    return _rows_among(held_out, _spread(keys, DIGEST, SPLIT))


def _contradicting(keys: pa.Table) -> int:
    return _rows_among(keys, _spread(keys, DIGEST, LABEL))


def _spread(keys: pa.Table, name: str, over: str) -> pa.Table:
    """The values of `name` that occur with several values of `over`."""
    counts = keys.group_by(name).aggregate([(over, "count_distinct")])
    return counts.filter(pc.greater(counts[f"{over}_count_distinct"], 1))


def _rows_among(keys: pa.Table, digests: pa.Table) -> int:
    return int(pc.sum(pc.is_in(keys[DIGEST], value_set=digests[DIGEST])).as_py() or 0)


def _tuples(table: pa.Table, names: list[str]) -> zip[tuple[str, str, str]]:
    first, second, third = (table[name].to_pylist() for name in names)
    return zip(first, second, third, strict=True)
