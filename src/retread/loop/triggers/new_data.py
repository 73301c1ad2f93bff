"""A dataset version that no model was trained on was released."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key
from retread.registry.events import DatasetVersionAdded, RetrainingStarted, VersionRegistered


def evaluate(context: TriggerContext) -> tuple[Proposal, ...]:
    """Propose the newest released version if it is newer than every version trained on.

    Nothing is proposed until a version is in production: which data the first model is trained on
    is for the user to decide.
    """
    added = context.newest_data
    if context.production is None or added is None or added.version <= _newest_trained(context):
        return ()
    return (_proposal(context, added, None),)


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose the newest released version, whether it was trained on or not.

    Raises:
        Refused: There is no released version.
    """
    added = context.newest_data
    if added is None:
        raise Refused(
            f"Dataset {context.dataset!r} has no released version to train on.",
            "Add one with: retread data add NAME SOURCE",
        )
    return replace(_proposal(context, added, options.key), user_requested=True)


def _newest_trained(context: TriggerContext) -> int:
    trained = (
        entry.event.dataset_version
        for entry in context.entries
        if isinstance(entry.event, RetrainingStarted | VersionRegistered)
        and entry.event.dataset == context.dataset
    )
    return max(trained, default=0)


def _proposal(context: TriggerContext, added: DatasetVersionAdded, key: str | None) -> Proposal:
    name = f"{added.dataset}@{added.version}"
    return Proposal(
        kind=CauseKind.NEW_DATA,
        key=trigger_key(context.model, CauseKind.NEW_DATA, key or name, added.digest),
        detail=f"{name} was added",
    )
