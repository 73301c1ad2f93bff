"""The port behind which dataset versions are kept."""

from __future__ import annotations

from collections.abc import Sequence
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

    def commit(self, version: DatasetVersion, rows: pa.Table) -> DatasetVersion:
        """Make `rows` (sorted by id) the next version; writes only what changed. Conflict when
        the number is taken."""
        ...

    def release(self, dataset: str, number: int) -> DatasetVersion:
        """Let a version out of quarantine."""
        ...

    def read(
        self,
        version: DatasetVersion,
        split: Split | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows of a version, sorted by id."""
        ...
