"""A dataset version that no retraining has seen."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions
from retread.registry.events import DatasetVersionAdded, RetrainingStarted, VersionRegistered


def observe(view: TriggerContext) -> tuple[Proposal, ...]:
    """The newest released version, when it is newer than all that was trained on.

    Only beside a production: which data the first model learns from is a person's decision.
    """
    added = view.newest_data
    if not view.production or added is None or added.version <= _seen(view):
        return ()
    return (_proposal(view, added, ""),)


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """The newest released version, whether trained on or not; Refused where there is none."""
    added = view.newest_data
    if added is None:
        raise Refused(
            f"Dataset {view.dataset!r} has no released version to train on.",
            "Add one with: retread data add NAME SOURCE",
        )
    return replace(_proposal(view, added, asked.key), by_hand=True)


def _seen(view: TriggerContext) -> int:
    """The newest version that any training was given."""
    trained = (
        entry.event.dataset_version
        for entry in view.entries
        if isinstance(entry.event, RetrainingStarted | VersionRegistered)
        and entry.event.dataset == view.dataset
    )
    return max(trained, default=0)


def _proposal(view: TriggerContext, added: DatasetVersionAdded, key: str) -> Proposal:
    name = f"{added.dataset}@{added.version}"
    return Proposal(
        kind=CauseKind.NEW_DATA,
        key=trigger_key(view.model, CauseKind.NEW_DATA, key or name, added.digest),
        detail=f"{name} came in",
    )
