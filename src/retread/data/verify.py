"""Checking a version against its digests, from the stored bytes up."""

from __future__ import annotations

from retread.core import IntegrityBroken
from retread.data.content import evaluation_digest, stored_digests, version_digest
from retread.data.store import DIGEST, ID, DatasetStore
from retread.data.version import DatasetVersion


def verify(store: DatasetStore, version: DatasetVersion) -> int:
    """Recompute the digest of every file, row and split; the number of rows.

    Raises IntegrityBroken naming the first thing that is not what was committed.
    """
    store.verify_storage(version)
    rows = store.read(version)
    found = stored_digests(rows, version.schema.columns)
    kept = zip(rows[ID].to_pylist(), rows[DIGEST].to_pylist(), found, strict=True)
    for id_, recorded, computed in kept:
        if recorded != computed:
            raise _broken(version, f"row {id_}")
    if rows.num_rows != version.rows or version_digest(rows) != version.digest:
        raise _broken(version, "the list of rows")
    if evaluation_digest(rows) != version.evaluation_digest:
        raise _broken(version, "the evaluation split")
    return version.rows


def _broken(version: DatasetVersion, what: str) -> IntegrityBroken:
    return IntegrityBroken(
        f"Of {version.reference}, {what} is not what its digest says.",
        "Restore the dataset from a backup.",
    )
