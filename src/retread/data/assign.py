"""Assign ids, groups and splits to examples, and find the rows that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.choose_split import SplitChoice, choose_plan
from retread.data.near_duplicates import NearDuplicateIndex
from retread.data.near_equal import near_equal_pairs, unite
from retread.data.source import SourceExamples
from retread.data.split_plan import SplitMethod, SplitPlan, TimePlan, obeys
from retread.data.splits import (
    Shares,
    blocks_of,
    given_split,
    is_later,
    splits_of,
    splits_of_times,
)
from retread.data.store import DIGEST, GROUP, ID, KEYS, LABEL, SPLIT, TIMESTAMP, key_tuples
from retread.data.version import ColumnKind, DatasetVersion, Split
from retread.project.settings import DataSection

Label = str | float

_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class PreviousExample:
    """An example of the base version. A `retained` one is kept even if the source lacks it."""

    id: str
    label: Label
    group: str
    retained: bool


@dataclass(frozen=True, slots=True)
class AssignedRows:
    """The rows of the next version.

    Attributes:
        plan: How rows are assigned to splits.
        keys: The KEYS columns of all its rows, sorted by id.
        current: The source's examples, without those that are retained from the base version.
        current_positions: The positions of `current` in the source.
        rows: Those of `current` to write, sorted by id.
        positions: The positions of `rows` in the source.
        keep: Ids of stored rows that are part of the version and are not written.
    """

    plan: SplitPlan
    keys: pa.Table
    current: pa.Table
    current_positions: npt.NDArray[np.int64]
    rows: pa.Table
    positions: list[int]
    keep: Set[str]


@dataclass(frozen=True, slots=True)
class Base:
    """The version that the next one is built on.

    Attributes:
        plan: How its rows were assigned to splits.
        keys: The KEYS columns of its rows; None if its columns differ.
        retained: Ids of rows that are part of the next version, unchanged, even if the source
            lacks them or has them with other labels.
        features: ID and the feature columns of its rows, where near-equal rows are looked for.
    """

    plan: SplitPlan | None = None
    keys: pa.Table | None = None
    retained: Set[str] = frozenset()
    features: pa.Table | None = None


def inherited_plan(
    base: DatasetVersion, retained: Set[str], settings: DataSection
) -> SplitPlan | None:
    """Return the split plan of the base version; None where the next version chooses anew.

    It does if [data] split names another method, unless rows are retained, and if the base was
    never released.
    """
    if base.is_quarantined and not retained:
        return None
    # Versions of before there were plans were split by group.
    plan = base.split_plan or SplitPlan(
        method=SplitMethod.GROUP if settings.group else SplitMethod.RANDOM,
        reason="Split by group, as the versions before.",
    )
    return plan if retained or obeys(plan, settings.split) else None


def assign_splits(
    examples: SourceExamples,
    base: Base,
    settings: DataSection,
    now: datetime,
) -> AssignedRows:
    """Assign an id, a group and a split to each example of a source.

    Args:
        examples: The examples of the source.
        base: The version that the next one is built on.
        settings: The `[data]` section, for the shares of the splits.
        now: The time, for the choice of a plan.

    Raises:
        InvalidInput: The examples have ids that are missing or not unique, or do not have what
            [data] split requires.
    """
    retained = base.retained
    previous = _previous(base.keys, retained)
    rows = _with_ids(examples, previous)
    is_table = examples.columns[0].kind is not ColumnKind.IMAGE
    features = [column.name for column in examples.columns] if is_table else []
    plan = base.plan or choose_plan(
        SplitChoice(rows, features, examples.similarity_keys, settings, now)
    )
    rows = _grouped(rows, examples, plan, base, previous, features)
    rows = _with_splits(rows, plan, base, settings)
    positions, keep = _changed(rows, base.keys, retained)
    changed = rows.take(pa.array(positions, pa.int64()))
    keys = changed.select(list(KEYS))
    if base.keys is not None and keep:
        keys = pa.concat_tables([rows_of(base.keys, keep).select(list(KEYS)), keys]).sort_by(ID)
    fresh = pc.invert(_has_id(rows, retained)).to_numpy()
    return AssignedRows(
        plan=plan,
        keys=keys,
        current=rows.filter(pa.array(fresh)) if retained else rows,
        current_positions=np.flatnonzero(fresh),
        rows=changed,
        positions=positions,
        keep=keep,
    )


def _changed(
    rows: pa.Table, base: pa.Table | None, retained: Set[str]
) -> tuple[list[int], Set[str]]:
    """Return the positions of new and changed rows in the order of ids, and the ids of others."""
    by_id: list[int] = pc.sort_indices(rows[ID]).to_pylist()
    if base is None:
        return by_id, frozenset()
    old = {row[0]: row for row in key_tuples(base)}
    new = key_tuples(rows)
    positions = [i for i in by_id if new[i][0] not in retained and old.get(new[i][0]) != new[i]]
    return positions, retained | ({row[0] for row in new} - {new[i][0] for i in positions})


def rows_of(rows: pa.Table, ids: Set[str]) -> pa.Table:
    """Return the rows that have one of `ids`."""
    return rows.filter(_has_id(rows, ids))


def assign_ids(
    contents: Sequence[str],
    labels: Sequence[Label],
    previous: Mapping[str, Sequence[PreviousExample]],
) -> list[str]:
    """Return a stable id for each example, derived from its content.

    An example of the base version keeps its id, even if it was moved or relabelled. Where that
    example is retained, the same content under another label is another example. Copies of one
    content are numbered: `X`, `X-1`, `X-2`.

    Args:
        contents: The digests of the examples' contents.
        labels: Their labels.
        previous: The examples of the base version, by digest.
    """
    if not previous and len(set(contents)) == len(contents):
        return [content[:_ID_LENGTH] for content in contents]
    positions: dict[str, list[int]] = defaultdict(list)
    for position, content in enumerate(contents):
        positions[content].append(position)
    ids = [""] * len(contents)
    for content, copies in positions.items():
        before = previous.get(content, ())
        if len(copies) == 1 and not before:
            ids[copies[0]] = content[:_ID_LENGTH]
        else:
            _assign_ids_of_copies(ids, content, copies, labels, before)
    return ids


def _assign_ids_of_copies(
    ids: list[str],
    content: str,
    copies: Sequence[int],
    labels: Sequence[Label],
    before: Sequence[PreviousExample],
) -> None:
    unmatched = {example.id: example for example in before}
    left = []
    for position in copies:
        matches = (i for i, example in unmatched.items() if example.label == labels[position])
        match = next(matches, None)
        if match is None:
            left.append(position)
        else:
            ids[position] = match
            del unmatched[match]
    used = {example.id for example in before}
    relabelled = [id_ for id_, example in unmatched.items() if not example.retained]
    number = 0
    for position in left:
        if relabelled:
            ids[position] = relabelled.pop(0)
            continue
        while (name := content[:_ID_LENGTH] + (f"-{number}" if number else "")) in used:
            number += 1
        used.add(name)
        ids[position] = name


def _previous(base: pa.Table | None, retained: Set[str]) -> dict[str, list[PreviousExample]]:
    previous: dict[str, list[PreviousExample]] = defaultdict(list)
    if base is not None:
        columns = [base[name].to_pylist() for name in (DIGEST, ID, LABEL, GROUP)]
        for digest, id_, label, group in zip(*columns, strict=True):
            previous[digest].append(PreviousExample(id_, label, group, id_ in retained))
    return previous


def _has_id(rows: pa.Table, ids: Set[str]) -> pa.ChunkedArray:
    return pc.is_in(rows[ID], value_set=pa.array(list(ids), pa.string()))


def _with_ids(examples: SourceExamples, previous: dict[str, list[PreviousExample]]) -> pa.Table:
    rows = examples.rows
    if ID not in rows.column_names:
        ids = assign_ids(rows[DIGEST].to_pylist(), rows[LABEL].to_pylist(), previous)
        return rows.append_column(ID, pa.array(ids, pa.string()))
    if pc.count_distinct(rows[ID], mode="all").as_py() < rows.num_rows or rows[ID].null_count:
        raise InvalidInput("Some rows have no id, or share one.", "Give each row an id of its own.")
    return rows


def _grouped(
    rows: pa.Table,
    examples: SourceExamples,
    plan: SplitPlan,
    base: Base,
    previous: dict[str, list[PreviousExample]],
    features: list[str],
) -> pa.Table:
    """Give each row a group, as the plan says which rows belong together."""
    if features and plan.by_row:
        return _replaced(rows, GROUP, rows[ID])
    if plan.time is not None and not plan.time.whole_groups:
        return _replaced(rows, GROUP, rows[DIGEST])
    given = rows[GROUP].is_null().to_numpy()
    rows = _with_groups(rows, examples.similarity_keys, previous)
    if not features or plan.method is not SplitMethod.RANDOM:
        return rows
    return _with_near_equal(rows, base, previous, features, given)


def _with_near_equal(
    rows: pa.Table,
    base: Base,
    previous: dict[str, list[PreviousExample]],
    features: list[str],
    ungrouped: npt.NDArray[np.bool_],
) -> pa.Table:
    """Put rows that are equal but for noise into one group, with those of the base version."""
    tables = [rows.select(features)]
    groups = rows[GROUP].to_pylist()
    if base.features is not None and base.keys is not None:
        known = dict(zip(base.keys[ID].to_pylist(), base.keys[GROUP].to_pylist(), strict=True))
        tables.append(base.features.select(features))
        groups += [known[id_] for id_ in base.features[ID].to_pylist()]
    pairs = near_equal_pairs(pa.concat_tables(tables))
    if not len(pairs):
        return rows
    seen = {example.group for same in previous.values() for example in same}
    # What earlier versions hold stays where it is.
    digests = rows[DIGEST].to_pylist()
    new = np.zeros(len(groups), dtype=bool)
    new[: len(digests)] = ungrouped & np.array([digest not in previous for digest in digests])
    united = unite(groups, pairs, seen, new)[: len(digests)]
    return _replaced(rows, GROUP, pa.array(united, pa.string()))


def _with_splits(rows: pa.Table, plan: SplitPlan, base: Base, settings: DataSection) -> pa.Table:
    """Give each row its split."""
    shares: Shares = {
        "evaluation_share": settings.evaluation_share,
        "validation_share": settings.validation_share,
    }
    groups = rows[GROUP].to_pylist()
    splits = splits_of(groups, _retained_splits(base), **shares)
    if plan.time is not None:
        splits = _splits_by_time(rows, splits, plan.time, base, shares)
    elif plan.is_given and SPLIT in rows.column_names:
        words = rows[SPLIT].to_pylist()
        splits = [
            split if word is None else given_split(Split(word), group, plan, **shares).value
            for split, word, group in zip(splits, words, groups, strict=True)
        ]
    column = pa.array(splits, pa.string())
    if SPLIT in rows.column_names:
        return _replaced(rows, SPLIT, column)
    return rows.append_column(SPLIT, column)


def _splits_by_time(
    rows: pa.Table, by_group: list[str], plan: TimePlan, base: Base, shares: Shares
) -> list[str]:
    """Return the split of each row by time; rows without a time keep that of their group."""
    timed = rows[TIMESTAMP].is_valid().to_numpy()
    times = rows[TIMESTAMP].fill_null(0).cast(pa.int64()).to_numpy()
    if not plan.whole_groups:
        splits = splits_of_times(times, plan, _retained_blocks(base, plan), **shares)
        return [str(split) for split in np.where(timed, splits, by_group)]
    newest: dict[str, int] = {}
    groups = rows[GROUP].to_pylist()
    for group, time in zip(groups, np.where(timed, times, np.iinfo(np.int64).max), strict=True):
        newest[group] = max(newest.get(group, time), time)
    ends = np.array(list(newest.values()), dtype=np.int64)
    early = splits_of_times(ends, plan, {}, **shares)
    known = dict(zip(newest, np.where(is_later(ends, plan), "", early), strict=True))
    if base.keys is not None and base.plan is not None:
        pairs = (base.keys[name].to_pylist() for name in (GROUP, SPLIT))
        known |= dict(zip(*pairs, strict=True))
    return [known[group] or split for group, split in zip(groups, by_group, strict=True)]


def _retained_splits(base: Base) -> dict[str, str]:
    """Return the splits of the retained groups, which keep them when the shares change."""
    if base.keys is None or not base.retained:
        return {}
    rows = rows_of(base.keys, base.retained)
    return dict(zip(rows[GROUP].to_pylist(), rows[SPLIT].to_pylist(), strict=True))


def _retained_blocks(base: Base, plan: TimePlan) -> dict[int, str]:
    """Return the splits of the retained blocks of time, for the same reason."""
    if base.keys is None or not base.retained:
        return {}
    rows = rows_of(base.keys, base.retained)
    rows = rows.filter(rows[TIMESTAMP].is_valid())
    times = rows[TIMESTAMP].cast(pa.int64()).to_numpy()
    later = is_later(times, plan)
    blocks = blocks_of(times, plan)[later].tolist()
    return dict(zip(blocks, rows[SPLIT].filter(pa.array(later)).to_pylist(), strict=True))


def _replaced(rows: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, column)


def _with_groups(
    rows: pa.Table, similarity_keys: list[str], previous: dict[str, list[PreviousExample]]
) -> pa.Table:
    """Give each row the group from the source, else that of the same content in the base version,
    else that of its near-duplicates."""
    groups = rows[GROUP].to_pylist()
    digests = rows[DIGEST].to_pylist()
    for i, group in enumerate(groups):
        if group is None and digests[i] in previous:
            groups[i] = previous[digests[i]][0].group
    missing = {similarity_keys[i] for i, group in enumerate(groups) if group is None}
    index = NearDuplicateIndex(example.group for same in previous.values() for example in same)
    found = {key: index.group_of(key) for key in sorted(missing)}
    groups = [
        found[similarity_keys[i]] if group is None else group for i, group in enumerate(groups)
    ]
    column = rows.column_names.index(GROUP)
    return rows.set_column(column, GROUP, pa.array(groups, pa.string()))
