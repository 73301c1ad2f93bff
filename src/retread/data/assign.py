"""Assign ids, groups and splits to examples, and find the rows that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.near_duplicates import NearDuplicateIndex
from retread.data.source import SourceExamples
from retread.data.splits import splits_of
from retread.data.store import DIGEST, GROUP, ID, KEYS, LABEL, SPLIT, key_tuples
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
        keys: The KEYS columns of all its rows, sorted by id.
        current: The source's examples, without those that are retained from the base version.
        rows: Those of `current` to write, sorted by id.
        positions: The positions of `rows` in the source.
        keep: Ids of stored rows that are part of the version and are not written.
    """

    keys: pa.Table
    current: pa.Table
    rows: pa.Table
    positions: list[int]
    keep: Set[str]


def assign_splits(
    examples: SourceExamples, base: pa.Table | None, retained: Set[str], settings: DataSection
) -> AssignedRows:
    """Assign an id, a group and a split to each example of a source.

    Args:
        examples: The examples of the source.
        base: The KEYS columns of the version that the next one is built on; None if there is none
            or its columns differ.
        retained: Ids of rows of `base` that are part of the next version, unchanged, even if the
            source lacks them or has them with other labels.
        settings: The `[data]` section, for the shares of the splits.

    Raises:
        InvalidInput: The examples have ids that are missing or not unique.
    """
    previous = _previous(base, retained)
    rows = _with_groups(_with_ids(examples, previous), examples.similarity_keys, previous)
    splits = splits_of(
        rows[GROUP].to_pylist(),
        _retained_splits(base, retained),
        evaluation_share=settings.evaluation_share,
        validation_share=settings.validation_share,
    )
    column = pa.array(splits, pa.string())
    if SPLIT in rows.column_names:
        given = pc.coalesce(rows[SPLIT], column)
        rows = rows.set_column(rows.column_names.index(SPLIT), SPLIT, given)
    else:
        rows = rows.append_column(SPLIT, column)
    old = {row[0]: row for row in key_tuples(base)} if base is not None else {}
    new = key_tuples(rows)
    by_id = pc.sort_indices(rows[ID]).to_pylist()
    positions = [i for i in by_id if new[i][0] not in retained and old.get(new[i][0]) != new[i]]
    keep = retained | ({row[0] for row in new} - {new[i][0] for i in positions})
    changed = rows.take(pa.array(positions, pa.int64()))
    keys = changed.select(list(KEYS))
    if base is not None and keep:
        keys = pa.concat_tables([rows_of(base, keep).select(list(KEYS)), keys]).sort_by(ID)
    return AssignedRows(
        keys=keys,
        current=rows.filter(pc.invert(_has_id(rows, retained))) if retained else rows,
        rows=changed,
        positions=positions,
        keep=keep,
    )


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


def _retained_splits(base: pa.Table | None, retained: Set[str]) -> dict[str, str]:
    """Return the splits of the retained groups, which keep them when the shares change."""
    if base is None or not retained:
        return {}
    rows = rows_of(base, retained)
    return dict(zip(rows[GROUP].to_pylist(), rows[SPLIT].to_pylist(), strict=True))


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
