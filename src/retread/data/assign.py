"""Assign ids, groups and splits to examples, and find the rows that changed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.data.choose_split import SplitChoice, choose_plan
from retread.data.example_ids import has_id, with_ids
from retread.data.groups import groups_of, with_near_equal
from retread.data.near_equal import Pairs, near_equal_pairs
from retread.data.source import SourceExamples
from retread.data.split_plan import SplitMethod, SplitPlan, TimePlan, obeys
from retread.data.splits import (
    Shares,
    blocks_of,
    given_splits_of,
    is_later,
    splits_of,
    splits_of_times,
)
from retread.data.store import DIGEST, GROUP, ID, KEYS, LABEL, SPLIT, TIMESTAMP
from retread.data.text_order import sorted_by, take_rows, text_order
from retread.data.version import ColumnKind, DatasetVersion
from retread.project.settings import DataSection


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
        near_equal: Pairs of rows of a first version that are equal but for noise; None where they
            were not looked for.
    """

    plan: SplitPlan
    keys: pa.Table
    current: pa.Table
    current_positions: npt.NDArray[np.int64]
    rows: pa.Table
    positions: npt.NDArray[np.int64]
    keep: Set[str]
    near_equal: Pairs | None = None


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
    rows = with_ids(examples, base.keys, retained)
    is_table = examples.columns[0].kind is not ColumnKind.IMAGE
    features = [column.name for column in examples.columns] if is_table else []
    similar = pa.array(examples.similarity_keys, pa.string())
    plan = base.plan or choose_plan(SplitChoice(rows, features, similar, settings, now))
    rows, near_equal = _grouped(rows, similar, plan, base, features)
    rows = _with_splits(rows, plan, base, settings)
    positions, keep = _changed(rows, base.keys, retained)
    changed = take_rows(rows, positions)
    keys = changed.select(list(KEYS))
    if base.keys is not None and keep:
        kept = rows_of(base.keys, keep).select(list(KEYS))
        keys = sorted_by(pa.concat_tables([kept, keys]), ID)
    fresh = pc.invert(has_id(rows, retained)).to_numpy() if retained else None
    return AssignedRows(
        plan=plan,
        keys=keys,
        current=rows if fresh is None else rows.filter(pa.array(fresh)),
        current_positions=np.arange(rows.num_rows) if fresh is None else np.flatnonzero(fresh),
        rows=changed,
        positions=positions,
        keep=keep,
        near_equal=near_equal,
    )


def _changed(
    rows: pa.Table, base: pa.Table | None, retained: Set[str]
) -> tuple[npt.NDArray[np.int64], Set[str]]:
    """Return the positions of new and changed rows in the order of ids, and the ids of others."""
    by_id = text_order(rows[ID])
    if base is None:
        return by_id, frozenset()
    changed = ~_unchanged(rows, base)
    written = changed & ~has_id(rows, retained).to_numpy() if retained else changed
    others = rows[ID].filter(pa.array(~written)).to_pylist()
    return by_id[written[by_id]], retained | set(others)


def _unchanged(rows: pa.Table, base: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows are in the base version with the same KEYS."""
    if rows[LABEL].type != base[LABEL].type:
        return np.zeros(rows.num_rows, bool)
    where = pc.index_in(rows[ID], value_set=base[ID].combine_chunks())
    same = where.is_valid().to_numpy()
    before = base.select(list(KEYS)).take(where)
    for name in KEYS:
        both_missing = pc.and_(rows[name].is_null(), before[name].is_null())
        equal = pc.equal(rows[name], before[name].cast(rows[name].type)).fill_null(False)
        same &= pc.or_(equal, both_missing).to_numpy()
    return np.asarray(same, dtype=np.bool_)


def rows_of(rows: pa.Table, ids: Set[str]) -> pa.Table:
    """Return the rows that have one of `ids`."""
    return rows.filter(has_id(rows, ids))


def _grouped(
    rows: pa.Table, similar: pa.Array, plan: SplitPlan, base: Base, features: list[str]
) -> tuple[pa.Table, Pairs | None]:
    """Give each row a group, as the plan says which rows belong together.

    Returns:
        The rows, and the pairs of those that are near-equal if the base version has none.
    """
    if features and plan.by_row:
        return _replaced(rows, GROUP, rows[ID]), None
    if plan.time is not None and not plan.time.whole_groups:
        return _replaced(rows, GROUP, rows[DIGEST]), None
    groups = groups_of(rows, similar, base.keys)
    if not features or plan.method is not SplitMethod.RANDOM:
        return _replaced(rows, GROUP, groups), None
    before = base.features
    tables = [table.select(features) for table in (rows, before) if table is not None]
    pairs = near_equal_pairs(pa.concat_tables(tables))
    groups = with_near_equal(rows, groups, pairs, base.keys, before)
    return _replaced(rows, GROUP, groups), pairs if base.keys is None else None


def _with_splits(rows: pa.Table, plan: SplitPlan, base: Base, settings: DataSection) -> pa.Table:
    """Give each row its split."""
    shares: Shares = {
        "evaluation_share": settings.evaluation_share,
        "validation_share": settings.validation_share,
    }
    if plan.time is not None:
        splits = _splits_by_time(rows, plan.time, base, shares)
    elif plan.is_given and SPLIT in rows.column_names:
        given = given_splits_of(rows[SPLIT], rows[GROUP], plan, **shares)
        splits = pc.coalesce(given, splits_of(rows[GROUP], _retained_splits(base), **shares))
    else:
        splits = splits_of(rows[GROUP], _retained_splits(base), **shares)
    if SPLIT in rows.column_names:
        return _replaced(rows, SPLIT, splits)
    return rows.append_column(SPLIT, splits)


def _splits_by_time(rows: pa.Table, plan: TimePlan, base: Base, shares: Shares) -> pa.Array:
    """Return the split of each row by time; rows without a time keep that of their group."""
    timed = rows[TIMESTAMP].is_valid().to_numpy()
    times = rows[TIMESTAMP].fill_null(0).cast(pa.int64()).to_numpy()
    if not plan.whole_groups:
        splits = splits_of_times(times, plan, _retained_blocks(base, plan), **shares)
        by_time = pa.array(splits.tolist(), pa.string())
        if timed.all():
            return by_time
        by_group = splits_of(rows[GROUP], _retained_splits(base), **shares)
        return pc.if_else(pa.array(timed), by_time, by_group)
    groups = rows[GROUP].combine_chunks().dictionary_encode()
    codes = groups.indices.to_numpy()
    ends = np.full(len(groups.dictionary), np.iinfo(np.int64).min)
    np.maximum.at(ends, codes, np.where(timed, times, np.iinfo(np.int64).max))
    early = pa.array(splits_of_times(ends, plan, {}, **shares).tolist(), pa.string())
    by_group = splits_of(groups.dictionary, _retained_splits(base), **shares)
    known = pc.if_else(pa.array(is_later(ends, plan)), by_group, early)
    if base.keys is not None and base.plan is not None:
        where = pc.index_in(groups.dictionary, value_set=base.keys[GROUP].combine_chunks())
        known = pc.coalesce(base.keys[SPLIT].combine_chunks().take(where), known)
    return known.take(groups.indices)


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
