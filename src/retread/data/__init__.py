"""Dataset versions: immutable, split, profiled and validated tables made from sources.

>>> from retread.data import parse_version_reference
>>> parse_version_reference("tires@3")
('tires', 3)

A DatasetStore holds the versions, and `add_version` makes them:

    store = LanceDatasetStore(project.datasets)
    add_version(store, AddRequest(dataset="tires", source=folder, settings=settings.data), clock)

What makes, compares and writes versions is loaded when it is first used: most processes need only
what describes them. Lance is imported when a dataset is first opened.
"""

from typing import TYPE_CHECKING

from retread.core.quarantine import VersionState
from retread.data.heads import DatasetHeads, heads_of
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

if TYPE_CHECKING:
    from retread.data.add import AddRequest, add_rows, add_version, latest
    from retread.data.integrity import verify
    from retread.data.lance_store import LanceDatasetStore
    from retread.data.summary import Changes, DatasetSummary
    from retread.data.tabular import gather_table
    from retread.data.version_diff import Diff, diff
    from retread.data.version_export import export

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

_LOADED_ON_USE = {
    "add": ("AddRequest", "add_rows", "add_version", "latest"),
    "integrity": ("verify",),
    "lance_store": ("LanceDatasetStore",),
    "summary": ("Changes", "DatasetSummary"),
    "tabular": ("gather_table",),
    "version_diff": ("Diff", "diff"),
    "version_export": ("export",),
}
"""Names by module. None may be a module's too: once that is loaded, it would have the name."""


if not TYPE_CHECKING:  # or every misspelled name would pass for one of ours

    def __getattr__(name: str) -> object:
        from importlib import import_module

        for module, names in _LOADED_ON_USE.items():
            if name in names:
                found = getattr(import_module(f"{__name__}.{module}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
