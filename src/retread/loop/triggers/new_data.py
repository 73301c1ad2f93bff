"""A dataset version that no retraining has seen."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import Asked, View
from retread.registry.events import DatasetVersionAdded, RetrainingStarted, VersionRegistered


def observe(view: View) -> tuple[Proposal, ...]:
    """The newest released version, while [data] source is watched and nothing was trained on it."""
    if not view.policy.watch_source:
        return ()
    added = view.newest_data
    if added is None or added.version <= _seen(view):
        return ()
    return (_proposal(view, added, ""),)


def ask(view: View, asked: Asked) -> Proposal:
    """The newest released version, whether trained on or not; Refused where there is none."""
    added = view.newest_data
    if added is None:
        raise Refused(
            f"Dataset {view.dataset!r} has no released version to train on.",
            "Add one with: retread data add NAME SOURCE",
        )
    return _proposal(view, added, asked.key)


def _seen(view: View) -> int:
    """The newest version that any training was given."""
    trained = (
        entry.event.dataset_version
        for entry in view.entries
        if isinstance(entry.event, RetrainingStarted | VersionRegistered)
        and entry.event.dataset == view.dataset
    )
    return max(trained, default=0)


def _proposal(view: View, added: DatasetVersionAdded, window: str) -> Proposal:
    return Proposal(
        kind=CauseKind.NEW_DATA,
        key=trigger_key(view.model, CauseKind.NEW_DATA, window or "source", added.digest),
        detail=f"{added.dataset}@{added.version} came in",
    )
