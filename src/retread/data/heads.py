"""The versions of a dataset that its next version starts from."""

from __future__ import annotations

from dataclasses import dataclass

from retread.core.quarantine import VersionState
from retread.data.store import DatasetStore
from retread.data.version import DatasetVersion


@dataclass(frozen=True, slots=True)
class DatasetHeads:
    """The newest version of a dataset, and the latest released one (None if there is none)."""

    newest: DatasetVersion
    released: DatasetVersion | None

    @property
    def base(self) -> DatasetVersion:
        """The version that the next one is built on.

        It is the latest released one, so that rows in quarantine do not reach later versions; the
        newest while none is released.
        """
        return self.released or self.newest


def heads_of(store: DatasetStore, dataset: str) -> DatasetHeads:
    """Return the newest and the latest released version of a dataset.

    Raises:
        NotFound: There is no such dataset.
    """
    versions = store.versions(dataset)
    released = [version for version in versions if version.state is VersionState.RELEASED]
    return DatasetHeads(newest=versions[-1], released=released[-1] if released else None)
