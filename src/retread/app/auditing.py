"""The audit of everything a workspace keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from retread.core import RetreadError
from retread.registry import AuditReport, audit

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def audit_workspace(workspace: Workspace) -> AuditReport:
    """Check ledger, bundles and dataset versions; every problem is told."""
    report = audit(workspace.ledger, workspace.bundles)
    return replace(report, problems=(*report.problems, *_dataset_problems(workspace)))


def _dataset_problems(workspace: Workspace) -> Iterator[str]:
    from retread.data.verify import verify

    store = workspace.datasets
    for dataset in store.datasets():
        for version in store.versions(dataset):
            try:
                verify(store, version)
            except RetreadError as error:
                yield str(error)
