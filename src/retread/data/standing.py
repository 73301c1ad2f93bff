"""Where a dataset stands before its next version."""

from __future__ import annotations

from dataclasses import dataclass

from retread.data.store import DatasetStore
from retread.data.version import DatasetVersion, VersionState


@dataclass(frozen=True, slots=True)
class DatasetHeads:
    """`newest` is the version that the next one follows, `base` the one that it is built on.

    That is the latest released one, so that nothing in quarantine gets into what comes after it;
    the newest while none is released.
    """

    newest: DatasetVersion
    base: DatasetVersion


def heads_of(store: DatasetStore, dataset: str) -> DatasetHeads:
    """Where `dataset` stands; NotFound for an unknown one."""
    versions = store.versions(dataset)
    released = [version for version in versions if version.state is VersionState.RELEASED]
    return DatasetHeads(newest=versions[-1], base=released[-1] if released else versions[-1])
