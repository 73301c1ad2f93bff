"""One Lance commit from one version to the next, writing only what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import Conflict, InvalidInput
from retread.data.lance_store.naming import quoted, stored_name
from retread.data.store import ID, KEYS, KeyTuple, key_tuples

_MOST_FRAGMENTS = 32
_SMALL = 0.25


@dataclass(slots=True)
class Delta:
    """Rows on their way into a dataset, and what they leave of those that are there.

    `dataset` is None where nothing of it stays, `mode` Lance's word for how files are written then.
    `existing` has the KEYS of the rows that are there, by id, `merged` the small fragments that are
    written again as one, because there are too many.
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
        """Ids of rows that go; known when all new rows have been seen."""
        stay = (set(self.keep) - self.written) | self.unchanged
        return self.existing.keys() - stay

    def batches(self, rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The batches to write: what is new, then what is written again."""
        try:
            for batch in rows:
                yield from self._new(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
            yield from self._again(schema)
        except BaseException as error:
            # Lance reports any failure of its source as an OSError.
            self.error = error
            raise

    def _new(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
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

    def _again(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        if not self.merged or self.dataset is None:
            return
        gone = pa.array(sorted(self.dropped), pa.string())
        parts = [f for f in self.dataset.get_fragments() if f.fragment_id in self.merged]
        scanner = self.dataset.scanner(columns=schema.names, fragments=parts)
        for batch in scanner.to_batches():
            yield batch.filter(pc.invert(pc.is_in(batch[ID], value_set=gone)))


def delta_of(dataset: Any | None, schema: pa.Schema, keep: Collection[str]) -> Delta:
    """What is in `dataset` that rows of `schema` may be added to.

    Raises Conflict when a row to keep is not there, InvalidInput when it has other columns.
    """
    if dataset is None:
        delta = Delta(None, "create", keep)
    elif dataset.schema.equals(schema):
        delta = _delta_in(dataset, keep)
    elif keep:
        raise InvalidInput(
            "The rows that stay have other columns than those that are added.",
            "Add rows with the same columns, or all rows anew.",
        )
    else:
        delta = Delta(None, "overwrite", keep)
    if any(id_ not in delta.existing for id_ in keep):
        raise Conflict("The dataset changed meanwhile.", "Add the data again.")
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
    """Write data files and make the operation that would commit them; commits nothing."""
    from lance import LanceOperation

    new = _write_files(delta, rows, schema, uri)
    if delta.dataset is None:
        return new, LanceOperation.Overwrite(schema, new)
    dropped = delta.dropped
    removed, updated = [], []
    for fragment in delta.dataset.get_fragments():
        number = fragment.fragment_id
        gone = delta.fragments[number] & dropped
        if number in delta.merged or gone == delta.fragments[number]:
            removed.append(number)
        elif gone:
            updated.append(fragment.delete(f"{ID} IN ({quoted(sorted(gone))})"))
    operation = LanceOperation.Update(
        removed_fragment_ids=removed,
        updated_fragments=updated,
        new_fragments=new,
        fields_modified=[],
    )
    stay = [f.metadata for f in delta.dataset.get_fragments() if f.fragment_id not in removed]
    return [*stay, *new], operation


def _write_files(
    delta: Delta, rows: pa.RecordBatchReader, schema: pa.Schema, uri: str
) -> list[Any]:
    """Write the rows to new data files; what went wrong while they were made is raised as it is."""
    from lance.fragment import write_fragments

    reader = pa.RecordBatchReader.from_batches(schema, delta.batches(rows, schema))
    try:
        return list(write_fragments(reader, uri, schema=schema, mode=delta.mode))
    except OSError:
        if delta.error is not None:
            raise delta.error from None
        raise


def stored_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with names that Lance can take. Images are compressed already: trying it again
    would take most of the time of a write."""
    renamed = [field.with_name(stored_name(field.name)) for field in schema]
    plain = {"lance-encoding:compression": "none"}
    return pa.schema(
        [f.with_metadata(plain) if pa.types.is_large_binary(f.type) else f for f in renamed]
    )


def file_digests(
    folder: Path, fragments: Collection[Any], known: Mapping[str, str]
) -> dict[str, str]:
    """sha256 of every data file of `fragments`; those that are known are not read again."""
    names = [file.path for fragment in fragments for file in fragment.files]
    return {name: known.get(name) or _digest(folder / "data" / name) for name in sorted(names)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _small_fragments(fragments: dict[int, set[str]]) -> set[int]:
    if len(fragments) < _MOST_FRAGMENTS:
        return set()
    most = _SMALL * sum(len(ids) for ids in fragments.values())
    return {number for number, ids in fragments.items() if len(ids) <= most}
