"""Dataset versions of a workspace: made, released, and entered in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retread.core import InvalidInput
from retread.data import AddRequest, DatasetVersion, Progress, add_version
from retread.loop.once import append_once
from retread.loop.record_data import record_version
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
    """The request that follows the project's settings where nothing is said. InvalidInput when
    neither names a source."""
    settings = workspace.settings
    if source is None:
        if not settings.data.source:
            raise InvalidInput(
                "There is no source to read.",
                f"Name one: retread data add {dataset} SOURCE, or set [data] source.",
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
    """Add a version and enter it in the ledger, with any that an interrupted add left out."""
    version = add_version(workspace.datasets, request, workspace.clock)
    known = {
        entry.event.version
        for entry in workspace.ledger.read()
        if isinstance(entry.event, DatasetVersionAdded) and entry.event.dataset == version.dataset
    }
    for made in workspace.datasets.versions(version.dataset):
        if made.number not in known:
            record_version(workspace.ledger, made)
    return version


def release_data(
    workspace: Workspace, dataset: str, number: int, reason: str = ""
) -> DatasetVersion:
    """Let a version out of quarantine and enter it in the ledger, once."""
    version = workspace.datasets.release(dataset, number)
    if version.failed_checks:
        event = DatasetVersionReleased(dataset=dataset, version=number, reason=reason)
        append_once(workspace.ledger, event, by=("dataset", "version"))
    return version
