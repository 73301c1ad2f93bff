"""The port behind which dataset versions are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

import pyarrow as pa

from retread.data.version import DatasetVersion, Split

# Columns every dataset's table has beside its features; features of tables keep their own names,
# an image dataset's feature is the binary column `image`.
ID = "_id"
LABEL = "_label"
GROUP = "_group"
SPLIT = "_split"
SOURCE = "_source"
DIGEST = "_sha256"
TIMESTAMP = "_timestamp"
IMAGE = "image"

KEYS = (ID, LABEL, GROUP, SPLIT, DIGEST, TIMESTAMP)
"""What a version's digest covers, and what decides whether a row changed."""

KeyTuple = tuple[str, str | float, str, str, str, int | None]


def key_tuples(rows: pa.Table | pa.RecordBatch) -> list[KeyTuple]:
    """The KEYS of each row, its time in microseconds: datetimes are slow to make."""
    columns = [rows[name] for name in KEYS[:-1]]
    columns.append(rows[TIMESTAMP].cast(pa.int64()))
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


class DatasetStore(Protocol):
    """Versions are committed entirely or not at all, and never change."""

    def datasets(self) -> tuple[str, ...]:
        """Names of all datasets, sorted."""
        ...

    def versions(self, dataset: str) -> tuple[DatasetVersion, ...]:
        """All versions in order; NotFound for an unknown dataset."""
        ...

    def version(self, dataset: str, number: int | None = None) -> DatasetVersion:
        """One version, or the latest released one; NotFound."""
        ...

    def commit(
        self,
        version: DatasetVersion,
        rows: pa.Table | pa.RecordBatchReader,
        keep: Collection[str] = (),
        base: int | None = None,
    ) -> DatasetVersion:
        """Make `rows`, and the rows of version `base` (None: the one before) whose ids are in
        `keep`, the next version; writes only what changed. Conflict when the number is taken,
        InvalidInput when `rows` do not have the columns of what is kept."""
        ...

    def release(self, dataset: str, number: int) -> DatasetVersion:
        """Let a version out of quarantine."""
        ...

    def read(
        self,
        version: DatasetVersion,
        split: Split | None = None,
        columns: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of a version (of one split, or those with these ids), sorted by id."""
        ...

    def verify_storage(self, version: DatasetVersion) -> None:
        """Check the stored bytes against what was recorded at commit; IntegrityBroken."""
        ...

    def collect_garbage(self, dataset: str, older_than: timedelta) -> int:
        """Delete what no version needs; bytes freed."""
        ...
