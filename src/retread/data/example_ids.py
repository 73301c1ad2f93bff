"""Give each example an id that is derived from its content, and keep it from version to version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.source import SourceExamples
from retread.data.store import DIGEST, ID, LABEL
from retread.data.text_order import repeated

Label = str | float

_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class PreviousExample:
    """An example of the base version. A `retained` one is kept even if the source lacks it."""

    id: str
    label: Label
    retained: bool


def with_ids(examples: SourceExamples, base: pa.Table | None, retained: Set[str]) -> pa.Table:
    """Return the rows of a source with an id each.

    Args:
        examples: The examples of the source.
        base: The KEYS columns of the base version; None if there is none.
        retained: Ids of its rows that are part of the next version in any case.

    Raises:
        InvalidInput: The source gives ids that are missing or not unique.
    """
    rows = examples.rows
    if ID not in rows.column_names:
        return rows.append_column(ID, _ids(rows, base, retained))
    if pc.count_distinct(rows[ID], mode="all").as_py() < rows.num_rows or rows[ID].null_count:
        raise InvalidInput("Some rows have no id, or share one.", "Give each row an id of its own.")
    return rows


def has_id(rows: pa.Table, ids: Set[str]) -> pa.ChunkedArray:
    """Return which rows have one of `ids`."""
    return pc.is_in(rows[ID], value_set=pa.array(list(ids), pa.string()))


def _ids(rows: pa.Table, base: pa.Table | None, retained: Set[str]) -> pa.Array:
    """Return an id for each row, those of contents that occur once without a look at each."""
    digests = rows[DIGEST].combine_chunks()
    ids = pc.utf8_slice_codeunits(digests, 0, _ID_LENGTH)
    unclear = repeated(digests)
    if base is not None:
        known = base[DIGEST].combine_chunks()
        where = pc.index_in(digests, value_set=known)
        found = where.is_valid().to_numpy(zero_copy_only=False)
        ids = pc.coalesce(base[ID].combine_chunks().take(where), ids)
        again = repeated(known)
        if retained:
            again |= has_id(base, retained).to_numpy()
        unclear |= found & again[where.fill_null(0).to_numpy()] if len(again) else found
    left = np.flatnonzero(unclear)
    if not len(left):
        return ids
    part = rows.select([DIGEST, LABEL]).take(pa.array(left))
    contents = part[DIGEST].to_pylist()
    chosen = assign_ids(contents, part[LABEL].to_pylist(), _previous(base, retained, contents))
    return pc.replace_with_mask(ids, pa.array(unclear), pa.array(chosen, pa.string()))


def _previous(
    base: pa.Table | None, retained: Set[str], contents: Sequence[str]
) -> dict[str, list[PreviousExample]]:
    """Return the examples of the base version that have one of `contents`, by digest."""
    previous: dict[str, list[PreviousExample]] = defaultdict(list)
    if base is not None:
        rows = base.filter(pc.is_in(base[DIGEST], value_set=pa.array(contents, pa.string())))
        columns = [rows[name].to_pylist() for name in (DIGEST, ID, LABEL)]
        for digest, id_, label in zip(*columns, strict=True):
            previous[digest].append(PreviousExample(id_, label, id_ in retained))
    return previous


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
