"""Giving examples their ids, groups and splits, and finding what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.gathered import SourceExamples
from retread.data.identity import Known, identify
from retread.data.nearness import Leaders
from retread.data.splits import splits_of
from retread.data.store import DIGEST, GROUP, ID, KEYS, LABEL, SPLIT, key_tuples
from retread.project.settings import DataSection


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the examples of a source go.

    `keys` are the KEYS columns of the whole version, sorted by id; `current` the source's examples
    in it, without those that stay anyway; `rows` the ones of these to write, sorted by id, with
    `positions` in what was gathered; `keep` the ids of rows that are there and are not written.
    """

    keys: pa.Table
    current: pa.Table
    rows: pa.Table
    positions: list[int]
    keep: Set[str]


def place(
    gathered: SourceExamples, before: pa.Table | None, stay: Set[str], settings: DataSection
) -> Placed:
    """The next version, given the KEYS columns of the one it is built on, if there is one.

    Its rows whose ids are in `stay` are part of the next version, unchanged, whatever the source
    holds.
    """
    known = _known(before, stay)
    rows = _grouped(_named(gathered, known), gathered.nearness, known)
    splits = splits_of(
        rows[GROUP].to_pylist(),
        _fixed(before, stay),
        evaluation_share=settings.evaluation_share,
        validation_share=settings.validation_share,
    )
    rows = rows.append_column(SPLIT, pa.array(splits, pa.string()))
    old = {row[0]: row for row in key_tuples(before)} if before is not None else {}
    new = key_tuples(rows)
    order = pc.sort_indices(rows[ID]).to_pylist()
    positions = [i for i in order if new[i][0] not in stay and old.get(new[i][0]) != new[i]]
    keep = stay | ({row[0] for row in new} - {new[i][0] for i in positions})
    changed = rows.take(pa.array(positions, pa.int64()))
    keys = changed.select(list(KEYS))
    if before is not None and keep:
        keys = pa.concat_tables([rows_of(before, keep).select(list(KEYS)), keys]).sort_by(ID)
    return Placed(
        keys=keys,
        current=rows.filter(pc.invert(_among(rows, stay))) if stay else rows,
        rows=changed,
        positions=positions,
        keep=keep,
    )


def rows_of(rows: pa.Table, ids: Set[str]) -> pa.Table:
    """Those of `rows` that have one of `ids`."""
    return rows.filter(_among(rows, ids))


def _known(before: pa.Table | None, stay: Set[str]) -> dict[str, list[Known]]:
    known: dict[str, list[Known]] = defaultdict(list)
    if before is not None:
        columns = [before[name].to_pylist() for name in (DIGEST, ID, LABEL, GROUP)]
        for digest, id_, label, group in zip(*columns, strict=True):
            known[digest].append(Known(id_, label, group, id_ in stay))
    return known


def _fixed(before: pa.Table | None, stay: Set[str]) -> dict[str, str]:
    """The splits of the groups that stay: they do not follow when the shares are changed."""
    if before is None or not stay:
        return {}
    rows = rows_of(before, stay)
    return dict(zip(rows[GROUP].to_pylist(), rows[SPLIT].to_pylist(), strict=True))


def _among(rows: pa.Table, ids: Set[str]) -> pa.ChunkedArray:
    return pc.is_in(rows[ID], value_set=pa.array(list(ids), pa.string()))


def _named(gathered: SourceExamples, known: dict[str, list[Known]]) -> pa.Table:
    rows = gathered.rows
    if ID not in rows.column_names:
        ids = identify(rows[DIGEST].to_pylist(), rows[LABEL].to_pylist(), known)
        return rows.append_column(ID, pa.array(ids, pa.string()))
    if pc.count_distinct(rows[ID], mode="all").as_py() < rows.num_rows or rows[ID].null_count:
        raise InvalidInput("Rows have the same id, or none.", "Give each row an id of its own.")
    return rows


def _grouped(rows: pa.Table, nearness: list[str], known: dict[str, list[Known]]) -> pa.Table:
    """A group for each row: the source's, else that of the same content before, else that of
    what looks like it."""
    groups = rows[GROUP].to_pylist()
    digests = rows[DIGEST].to_pylist()
    for i, group in enumerate(groups):
        if group is None and digests[i] in known:
            groups[i] = known[digests[i]][0].group
    left = {nearness[i] for i, group in enumerate(groups) if group is None}
    leaders = Leaders(before.group for several in known.values() for before in several)
    found = {name: leaders.group_of(name) for name in sorted(left)}
    groups = [found[nearness[i]] if group is None else group for i, group in enumerate(groups)]
    place = rows.column_names.index(GROUP)
    return rows.set_column(place, GROUP, pa.array(groups, pa.string()))
