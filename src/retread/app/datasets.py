"""Add and release dataset versions of a workspace, and record them in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retread.core import Conflict, InvalidInput
from retread.data import AddRequest, DatasetVersion, Progress, add_version
from retread.loop.idempotency import append_once, record_dataset_version
from retread.registry.events import DatasetVersionAdded, DatasetVersionReleased
from retread.registry.ledger import Entry

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
        source = (workspace.project.root / settings.data.source).resolve()
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

    Args:
        workspace: The project's workspace.
        dataset: Name of the dataset.
        number: Number of the version.
        reason: Why it may be trained on.

    Raises:
        NotFound: There is no such version.
        InvalidInput: There is no reason.
        Conflict: It is released already; the message says why, by whom and when.
    """
    reference = f"{dataset}@{number}"
    version = next((v for v in workspace.datasets.versions(dataset) if v.number == number), None)
    recorded = latest_release(workspace.ledger.read(), dataset, number)
    if recorded is not None:
        event = recorded.event
        assert isinstance(event, DatasetVersionReleased), "latest_release returns its entry"
        by = f" by {event.actor}" if event.actor else ""
        raise Conflict(
            f"{reference} is already released{by}, since {recorded.at:%Y-%m-%d %H:%M} UTC: "
            f"{event.reason.rstrip('.')}."
        )
    if version is not None and not version.failed_checks:
        raise Conflict(f"{reference} is already released; it was never in quarantine.")
    if not reason.strip():
        raise InvalidInput(
            f"{reference} is released from quarantine only with a reason.", "Add: --reason TEXT"
        )
    released = workspace.datasets.release(dataset, number)
    event = DatasetVersionReleased(dataset=dataset, version=number, reason=reason)
    append_once(workspace.ledger, event, by=("dataset", "version"))
    return released


def latest_release(entries: Sequence[Entry], dataset: str, number: int) -> Entry | None:
    """Return the entry that released a dataset version; None if there is none."""
    for entry in reversed(entries):
        match entry.event:
            case DatasetVersionReleased(dataset=name, version=version):
                if (name, version) == (dataset, number):
                    return entry
            case _:
                pass
    return None
