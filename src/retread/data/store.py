"""The interface of dataset stores, and the columns of the tables that they hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

import pyarrow as pa

from retread.data.version import DatasetVersion, Split

# Columns of every dataset, in addition to its features. The features of a table keep their own
# names; an image dataset has the binary column `image`.
ID = "_id"
LABEL = "_label"
GROUP = "_group"
SPLIT = "_split"
SOURCE = "_source"
DIGEST = "_sha256"
TIMESTAMP = "_timestamp"
IMAGE = "image"

KEYS = (ID, LABEL, GROUP, SPLIT, DIGEST, TIMESTAMP)
"""The columns that a version's digest covers, and that decide whether a row changed."""

KeyTuple = tuple[str, str | float, str, str, str, int | None]


def key_tuples(rows: pa.Table | pa.RecordBatch) -> list[KeyTuple]:
    """Return the KEYS of each row, with its timestamp in microseconds."""
    columns = [rows[name] for name in KEYS[:-1]]
    # Integers, because datetime objects are slow to create.
    columns.append(rows[TIMESTAMP].cast(pa.int64()))
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


class DatasetStore(Protocol):
    """A store of dataset versions. A version is committed entirely or not at all."""

    def datasets(self) -> tuple[str, ...]:
        """Return the names of all datasets, sorted."""
        ...

    def versions(self, dataset: str) -> tuple[DatasetVersion, ...]:
        """Return all versions of a dataset in order.

        Raises:
            NotFound: There is no such dataset.
        """
        ...

    def version(self, dataset: str, number: int | None = None) -> DatasetVersion:
        """Return one version of a dataset.

        Args:
            dataset: The name of the dataset.
            number: The number of the version; None for the latest released one.

        Raises:
            NotFound: There is no such dataset or version, or none is released.
        """
        ...

    def commit(
        self,
        version: DatasetVersion,
        rows: pa.Table | pa.RecordBatchReader,
        keep: Collection[str] = (),
        base: int | None = None,
    ) -> DatasetVersion:
        """Commit the next version of a dataset, writing only the rows that changed.

        Args:
            version: The metadata. Its number is one more than that of the newest version.
            rows: The new and changed rows. Rows that are already stored are not written again.
            keep: Ids of rows of the base version that are part of this one without being given.
            base: The number of the base version; None for the newest version.

        Returns:
            The version as it was committed.

        Raises:
            Conflict: The number is taken, or a row to keep is not in the base version.
            InvalidInput: `rows` do not have the columns of the rows to keep, or the metadata
                cannot be stored.
            NotFound: There is no base version of that number.
            Unavailable: The store cannot be written to.
        """
        ...

    def release(self, dataset: str, number: int) -> DatasetVersion:
        """Release a version from quarantine; return it as it is now.

        Raises:
            NotFound: There is no such dataset or version.
        """
        ...

    def read(
        self,
        version: DatasetVersion,
        split: Split | None = None,
        columns: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> pa.Table:
        """Read rows of a version, sorted by id.

        Args:
            version: The version to read.
            split: Read this split only; None for all.
            columns: The columns to read, in order; None for all.
            ids: Read the rows with these ids only; None for all.

        Raises:
            IntegrityBroken: The stored data is damaged.
            NotFound: There is no such version.
        """
        ...

    def verify_storage(self, version: DatasetVersion) -> None:
        """Compare the stored bytes of a version with the digests recorded at commit.

        Raises:
            IntegrityBroken: The stored bytes are missing or were changed.
        """
        ...

    def collect_garbage(self, dataset: str, older_than: timedelta) -> int:
        """Delete the files that no version needs.

        Args:
            dataset: The name of the dataset.
            older_than: The minimum age of the files to delete; younger ones may belong to a
                commit in progress.

        Returns:
            The number of bytes freed.
        """
        ...
