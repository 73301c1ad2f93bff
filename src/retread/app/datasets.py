"""Add and release dataset versions of a workspace, and record them in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retread.core import InvalidInput
from retread.data import AddRequest, DatasetVersion, Progress, add_version
from retread.loop.idempotency import append_once, record_dataset_version
from retread.registry.events import DatasetVersionAdded, DatasetVersionReleased

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def add_request(
    workspace: Workspace,
    dataset: str,
    source: Path | None = None,
    *,
    labels: str = "",
    note: str = "",
    append: bool = False,
    keep: str = "",
    progress: Progress = lambda *_: None,
) -> AddRequest:
    """Return a request to add a dataset version, completed from the project's settings.

    Args:
        workspace: The project's workspace.
        dataset: Name of the dataset.
        source: File or folder. Default: [data] source.
        labels: Where labels are. Default: [data] labels.
        note: Free-text note stored with the version.
        append: Whether to keep the rows of the latest released version.
        keep: Prefix of ids whose rows are kept from the latest released version.
        progress: Called with stage, count done and total.

    Raises:
        InvalidInput: Neither the arguments nor the settings name a source.
    """
    settings = workspace.settings
    if source is None:
        if not settings.data.source:
            raise InvalidInput(
                "No data source is given.",
                f"Run: retread data add {dataset} SOURCE, or set [data] source.",
            )
        source = workspace.project.root / settings.data.source
    return AddRequest(
        dataset=dataset,
        source=source,
        settings=settings.data,
        labels=labels,
        note=note,
        append=append,
        keep=keep,
        regression=settings.recipe.kind == "tabular-regression",
        positive_label=settings.recipe.positive_label,
        index=workspace.project.home / "index" / f"{dataset}.msgpack",
        progress=progress,
    )


def add_data(workspace: Workspace, request: AddRequest) -> DatasetVersion:
    """Add a version and record it in the ledger, with any that an interrupted add did not record.

    Raises:
        InvalidInput: The source cannot be read as data.
        Conflict: Another version was added in the meantime.
    """
    version = add_version(workspace.datasets, request, workspace.clock)
    known = {
        entry.event.version
        for entry in workspace.ledger.read()
        if isinstance(entry.event, DatasetVersionAdded) and entry.event.dataset == version.dataset
    }
    for stored in workspace.datasets.versions(version.dataset):
        if stored.number not in known:
            record_dataset_version(workspace.ledger, stored)
    return version


def release_data(
    workspace: Workspace, dataset: str, number: int, reason: str = ""
) -> DatasetVersion:
    """Release a version from quarantine and record it in the ledger, once.

    Raises:
        NotFound: There is no such version.
    """
    version = workspace.datasets.release(dataset, number)
    if version.failed_checks:
        event = DatasetVersionReleased(dataset=dataset, version=number, reason=reason)
        append_once(workspace.ledger, event, by=("dataset", "version"))
    return version
