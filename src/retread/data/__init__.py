"""Dataset versions: immutable, split, profiled and validated tables made from sources.

>>> from retread.data import parse_reference
>>> parse_reference("tires@3")
('tires', 3)

A DatasetStore holds the versions, and `add_version` makes them:

    store = LanceDatasetStore(project.datasets)
    add_version(store, AddRequest(dataset="tires", source=folder, settings=settings.data), clock)

Lance is imported when a dataset is first opened, not with this package.
"""

from retread.data.add import AddRequest, add_rows, add_version, latest, read_source
from retread.data.diff import Diff, diff
from retread.data.export import export
from retread.data.heads import Standing, standing_of
from retread.data.integrity import verify
from retread.data.lance_store import LanceDatasetStore
from retread.data.source import Gathered, Progress, SourceRequest
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
from retread.data.summary import Changes, Summary
from retread.data.version import (
    Column,
    ColumnKind,
    DatasetVersion,
    Schema,
    Split,
    State,
    parse_reference,
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
    "ColumnKind",
    "DatasetStore",
    "DatasetVersion",
    "Diff",
    "Gathered",
    "LanceDatasetStore",
    "Progress",
    "Schema",
    "SourceRequest",
    "Split",
    "Standing",
    "State",
    "Summary",
    "add_rows",
    "add_version",
    "diff",
    "export",
    "latest",
    "parse_reference",
    "read_source",
    "split_of",
    "standing_of",
    "verify",
]
