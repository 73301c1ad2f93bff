"""Dataset versions: from sources to immutable, split, profiled and checked tables.

>>> from retread.data import parse_version_reference
>>> parse_version_reference("tires@3")
('tires', 3)

Versions are kept by a DatasetStore and made by `add_version`:

    store = LanceDatasetStore(project.datasets)
    add_version(store, AddRequest(dataset="tires", source=folder, settings=settings.data), clock)

Lance is imported when a dataset is first opened, not here.
"""

from retread.data.add import AddRequest, add_rows, add_version, latest
from retread.data.diff import Diff, diff
from retread.data.export import export
from retread.data.gathered import Progress, SourceExamples, SourceRequest
from retread.data.lance_store import LanceDatasetStore
from retread.data.reference import parse_version_reference
from retread.data.splits import split_of
from retread.data.standing import DatasetHeads, heads_of
from retread.data.store import (
    DIGEST,
    GROUP,
    ID,
    IMAGE,
    KEYS,
    LABEL,
    SOURCE,
    SPLIT,
    TIMESTAMP,
    DatasetStore,
)
from retread.data.summary import Changes, DatasetSummary
from retread.data.verify import verify
from retread.data.version import Column, ColumnKind, DatasetVersion, Schema, Split, VersionState

__all__ = [
    "DIGEST",
    "GROUP",
    "ID",
    "IMAGE",
    "KEYS",
    "LABEL",
    "SOURCE",
    "SPLIT",
    "TIMESTAMP",
    "AddRequest",
    "Changes",
    "Column",
    "ColumnKind",
    "DatasetHeads",
    "DatasetStore",
    "DatasetSummary",
    "DatasetVersion",
    "Diff",
    "LanceDatasetStore",
    "Progress",
    "Schema",
    "SourceExamples",
    "SourceRequest",
    "Split",
    "VersionState",
    "add_rows",
    "add_version",
    "diff",
    "export",
    "heads_of",
    "latest",
    "parse_version_reference",
    "split_of",
    "verify",
]
