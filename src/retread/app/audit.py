"""The audit of everything a workspace keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from retread.core import RetreadError
from retread.registry import AuditReport, audit
from retread.registry.events import DatasetVersionAdded

if TYPE_CHECKING:
    from retread.app.workspace import Workspace
    from retread.data import Progress


def audit_workspace(workspace: Workspace, progress: Progress = lambda *_: None) -> AuditReport:
    """Check ledger, bundles and dataset versions; every problem is told."""
    progress("ledger and bundles", 0, 1)
    report = audit(workspace.ledger, workspace.bundles)
    progress("ledger and bundles", 1, 1)
    return replace(report, problems=(*report.problems, *_dataset_problems(workspace, progress)))


def _dataset_problems(workspace: Workspace, progress: Progress) -> Iterator[str]:
    from retread.data.verify import verify

    store, recorded = workspace.datasets, _recorded(workspace)
    for dataset in sorted({*store.datasets(), *recorded}):
        try:
            versions = store.versions(dataset)
        except RetreadError as error:
            yield str(error)
            continue
        for done, version in enumerate(versions, start=1):
            try:
                verify(store, version)
            except RetreadError as error:
                yield str(error)
            progress(f"versions of {dataset}", done, len(versions))
        for number in sorted(recorded.get(dataset, set()) - {v.number for v in versions}):
            yield f"{dataset}@{number} is in the ledger, but not stored. Restore it from a backup."


def _recorded(workspace: Workspace) -> dict[str, set[int]]:
    """Numbers of the versions that the ledger knows, by dataset."""
    numbers: dict[str, set[int]] = {}
    try:
        entries = workspace.ledger.read()
    except RetreadError:
        return {}  # what is wrong with the ledger is told already
    for entry in entries:
        if isinstance(entry.event, DatasetVersionAdded):
            numbers.setdefault(entry.event.dataset, set()).add(entry.event.version)
    return numbers
