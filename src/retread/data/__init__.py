"""Dataset versions: immutable, split, profiled and validated tables made from sources.

>>> from retread.data import parse_version_reference
>>> parse_version_reference("tires@3")
('tires', 3)

A DatasetStore holds the versions, and `add_version` makes them:

    store = LanceDatasetStore(project.datasets)
    add_version(store, AddRequest(dataset="tires", source=folder, settings=settings.data), clock)

Lance is imported when a dataset is first opened, not with this package.
"""

from retread.core.quarantine import VersionState
from retread.data.add import AddRequest, add_rows, add_version, latest
from retread.data.diff import Diff, diff
from retread.data.export import export
from retread.data.heads import DatasetHeads, heads_of
from retread.data.integrity import verify
from retread.data.lance_store import LanceDatasetStore
from retread.data.read_source import read_source
from retread.data.source import Progress, Source, SourceExamples, SourceRequest
from retread.data.splits import split_of
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
from retread.data.tabular import gather_table
from retread.data.version import (
    Column,
    ColumnDecision,
    ColumnKind,
    ColumnUse,
    DatasetVersion,
    Schema,
    Split,
    parse_version_reference,
)

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
    "ColumnDecision",
    "ColumnKind",
    "ColumnUse",
    "DatasetHeads",
    "DatasetStore",
    "DatasetSummary",
    "DatasetVersion",
    "Diff",
    "LanceDatasetStore",
    "Progress",
    "Schema",
    "Source",
    "SourceExamples",
    "SourceRequest",
    "Split",
    "VersionState",
    "add_rows",
    "add_version",
    "diff",
    "export",
    "gather_table",
    "heads_of",
    "latest",
    "parse_version_reference",
    "read_source",
    "split_of",
    "verify",
]
