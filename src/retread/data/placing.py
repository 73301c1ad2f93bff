"""Giving examples their ids, groups and splits, and finding what changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.gathered import Gathered
from retread.data.identity import Known, identify
from retread.data.nearness import Leaders
from retread.data.splits import splits_of
from retread.data.store import DIGEST, GROUP, ID, KEYS, LABEL, SPLIT
from retread.project.sections import DataSection


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the examples of a source go.

    `keys` are the KEYS columns of the whole version, sorted by id; `rows` the rows to write,
    sorted by id, with `positions` in what was gathered; `keep` the ids that stay as they are.
    """

    keys: pa.Table
    rows: pa.Table
    positions: list[int]
    keep: set[str]


def place(
    gathered: Gathered, before: pa.Table | None, settings: DataSection, *, append: bool
) -> Placed:
    """The next version, given the KEYS columns of the version before, if there is one."""
    known = _known(before)
    rows = _named(gathered, known, append=append)
    rows = _grouped(rows, gathered.nearness, known)
    splits = splits_of(
        rows[GROUP].to_pylist(),
        evaluation_share=settings.evaluation_share,
        validation_share=settings.validation_share,
    )
    rows = rows.append_column(SPLIT, pa.array(splits, pa.string()))
    order = pc.sort_indices(rows[ID]).to_pylist()
    old = _tuples(before) if before is not None else {}
    new = _tuples(rows)
    ids = rows[ID].to_pylist()
    if append:
        positions = [i for i in order if ids[i] not in old]
        keep = set(old)
    else:
        positions = [i for i in order if old.get(ids[i]) != new[ids[i]]]
        keep = set(ids) - {ids[i] for i in positions}
    changed = rows.take(pa.array(positions, pa.int64()))
    keys = changed.select(list(KEYS))
    if before is not None and keep:
        kept = before if append else before.filter(pc.is_in(before[ID], pa.array(list(keep))))
        keys = pa.concat_tables([kept.select(list(KEYS)), keys]).sort_by(ID)
    return Placed(keys=keys, rows=changed, positions=positions, keep=keep)


def _known(before: pa.Table | None) -> dict[str, list[Known]]:
    known: dict[str, list[Known]] = defaultdict(list)
    if before is not None:
        columns = [before[name].to_pylist() for name in (DIGEST, ID, LABEL, GROUP)]
        for digest, id_, label, group in zip(*columns, strict=True):
            known[digest].append(Known(id_, label, group))
    return known


def _named(gathered: Gathered, known: dict[str, list[Known]], *, append: bool) -> pa.Table:
    rows = gathered.rows
    if ID not in rows.column_names:
        ids = identify(rows[DIGEST].to_pylist(), rows[LABEL].to_pylist(), known, append=append)
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


def _tuples(rows: pa.Table) -> dict[str, tuple[object, ...]]:
    columns = [rows[name].to_pylist() for name in KEYS]
    return {row[0]: row for row in zip(*columns, strict=True)}
