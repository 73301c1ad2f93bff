"""A dataset version enters the ledger."""

from __future__ import annotations

from retread.data.version import DatasetVersion
from retread.loop.once import append_once
from retread.registry.events import DatasetVersionAdded
from retread.registry.ledger import Ledger


def record_version(ledger: Ledger, version: DatasetVersion) -> None:
    """Append DatasetVersionAdded for `version`, once."""
    added = DatasetVersionAdded(
        dataset=version.dataset,
        version=version.number,
        digest=version.digest,
        evaluation_digest=version.evaluation_digest,
        state=version.state,
        source=version.source,
    )
    append_once(ledger, added, by=("dataset", "version"))
