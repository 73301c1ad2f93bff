"""Write the difference between two versions as one Lance commit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import Conflict, InvalidInput
from retread.data.lance_store.format import quoted
from retread.data.store import ID, KEYS, KeyTuple, key_tuples

_MAX_FRAGMENTS = 32
_SMALL_SHARE = 0.25


@dataclass(slots=True)
class Delta:
    """The rows to write, and the existing rows that they replace.

    Attributes:
        dataset: The Lance dataset; None if none of its rows is kept.
        mode: Lance's mode of writing: create, append or overwrite.
        keep: Ids of existing rows that are kept.
        existing: The KEYS of the existing rows, by id.
        fragments: The ids of the rows of each existing fragment.
        merged: Small fragments that are written again as one, because there are too many.
        written: Ids of the rows that were written so far.
        unchanged: Ids of the given rows that already exist and are not written again.
        error: The error that ended the iteration over the given rows.
    """

    dataset: Any | None
    mode: str
    keep: Collection[str]
    existing: dict[str, KeyTuple] = field(default_factory=dict)
    fragments: dict[int, set[str]] = field(default_factory=dict)
    merged: set[int] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    error: BaseException | None = None

    @property
    def dropped(self) -> set[str]:
        """Ids of existing rows that are removed; complete after the last batch."""
        retained = (set(self.keep) - self.written) | self.unchanged
        return self.existing.keys() - retained

    def batches(self, rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the batches to write: new and changed rows, then those of merged fragments."""
        try:
            for batch in rows:
                yield from self._changed(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            yield from self._merged(schema)
        except BaseException as error:
            # Lance reports any failure of its input as an OSError.
            self.error = error
            raise

    def _changed(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if not self.existing:
            self.written.update(batch[ID].to_pylist())
            yield batch
            return
        rows = key_tuples(batch)
        same = [self.existing.get(row[0]) == row for row in rows]
        for row, is_same in zip(rows, same, strict=True):
            (self.unchanged if is_same else self.written).add(row[0])
        if any(same):
            batch = batch.filter(pa.array([not is_same for is_same in same]))
        if batch.num_rows:
            yield batch

    def _merged(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        if not self.merged or self.dataset is None:
            return
        dropped = pa.array(sorted(self.dropped), pa.string())
        parts = [f for f in self.dataset.get_fragments() if f.fragment_id in self.merged]
        scanner = self.dataset.scanner(columns=schema.names, fragments=parts)
        for batch in scanner.to_batches():
            yield batch.filter(pc.invert(pc.is_in(batch[ID], value_set=dropped)))


def delta_of(dataset: Any | None, schema: pa.Schema, keep: Collection[str]) -> Delta:
    """Prepare to write rows of `schema` to a dataset.

    Args:
        dataset: The Lance dataset in the state to build on; None for a new one.
        schema: The stored schema of the rows.
        keep: Ids of existing rows to keep.

    Raises:
        Conflict: A row to keep does not exist.
        InvalidInput: The rows to keep have other columns.
    """
    if dataset is None:
        delta = Delta(None, "create", keep)
    elif dataset.schema.equals(schema):
        delta = _delta_in(dataset, keep)
    elif keep:
        raise InvalidInput(
            "The new rows do not have the same columns as the rows to keep.",
            "Add rows with the same columns, or replace all rows.",
        )
    else:
        delta = Delta(None, "overwrite", keep)
    if any(id_ not in delta.existing for id_ in keep):
        raise Conflict("The dataset was changed by another process.", "Add the data again.")
    return delta


def _delta_in(dataset: Any, keep: Collection[str]) -> Delta:
    delta = Delta(dataset, "append", keep)
    for fragment in dataset.get_fragments():
        rows = key_tuples(fragment.to_table(columns=list(KEYS)))
        delta.existing.update((row[0], row) for row in rows)
        delta.fragments[fragment.fragment_id] = {row[0] for row in rows}
    delta.merged = _small_fragments(delta.fragments)
    return delta


def write_delta(
    delta: Delta, rows: pa.RecordBatchReader, schema: pa.Schema, uri: str
) -> tuple[list[Any], Any]:
    """Write data files without committing them.

    Args:
        delta: The state to write to, from `delta_of`.
        rows: The new and changed rows.
        schema: Their stored schema.
        uri: The address of the Lance dataset.

    Returns:
        All fragments of the next version, and the Lance operation that commits it.
    """
    from lance import LanceOperation

    new = _write_files(delta, rows, schema, uri)
    if delta.dataset is None:
        return new, LanceOperation.Overwrite(schema, new)
    dropped = delta.dropped
    removed, updated = [], []
    for fragment in delta.dataset.get_fragments():
        number = fragment.fragment_id
        dropped_here = delta.fragments[number] & dropped
        if number in delta.merged or dropped_here == delta.fragments[number]:
            removed.append(number)
        elif dropped_here:
            updated.append(fragment.delete(f"{ID} IN ({quoted(sorted(dropped_here))})"))
    operation = LanceOperation.Update(
        removed_fragment_ids=removed,
        updated_fragments=updated,
        new_fragments=new,
        fields_modified=[],
    )
    remaining = [f.metadata for f in delta.dataset.get_fragments() if f.fragment_id not in removed]
    return [*remaining, *new], operation


def _write_files(
    delta: Delta, rows: pa.RecordBatchReader, schema: pa.Schema, uri: str
) -> list[Any]:
    """Write the rows to new data files; an error of their source is raised as it is."""
    from lance.fragment import write_fragments

    reader = pa.RecordBatchReader.from_batches(schema, delta.batches(rows, schema))
    try:
        return list(write_fragments(reader, uri, schema=schema, mode=delta.mode))
    except OSError:
        if delta.error is not None:
            raise delta.error from None
        raise


def _small_fragments(fragments: dict[int, set[str]]) -> set[int]:
    if len(fragments) < _MAX_FRAGMENTS:
        return set()
    most = _SMALL_SHARE * sum(len(ids) for ids in fragments.values())
    return {number for number, ids in fragments.items() if len(ids) <= most}
