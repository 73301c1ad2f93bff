"""A retraining that somebody or something asks for."""

from __future__ import annotations

from dataclasses import dataclass

from retread.bundle import Cause, CauseKind
from retread.core import short
from retread.registry.events import TriggerReceived


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be recorded as TriggerReceived; two with the same `key` are the same.

    `by_hand` is what a person asked outright.
    """

    kind: CauseKind
    key: str
    detail: str
    scenario: str = ""
    model_type: str = ""
    version: int = 0
    candidate: int = 0
    force: str = ""
    by_hand: bool = False


def trigger_key(model: str, kind: CauseKind, window: str, data_digest: str) -> str:
    """The identity of a retraining: there is one per model, kind, window and data.

    >>> trigger_key("tires", CauseKind.DRIFT, "v3-e117", "sha256:e3b0c44298fc1c149")
    'tires/drift/v3-e117/e3b0c44298fc'
    """
    return f"{model}/{kind}/{window}/{short(data_digest) or 'none'}"


def received(proposal: Proposal, trigger: str) -> TriggerReceived:
    """`proposal` as the event of the trigger with id `trigger`."""
    return TriggerReceived(
        trigger=trigger,
        key=proposal.key,
        cause=Cause(kind=proposal.kind, detail=proposal.detail, trigger=trigger),
        scenario=proposal.scenario,
        model_type=proposal.model_type,
        version=proposal.version or None,
        candidate=proposal.candidate or None,
        force=proposal.force,
        user_requested=proposal.by_hand,
    )


def proposed(event: TriggerReceived) -> Proposal:
    """The proposal that `event` records."""
    return Proposal(
        kind=event.cause.kind,
        key=event.key,
        detail=event.cause.detail,
        scenario=event.scenario,
        model_type=event.model_type,
        version=event.version or 0,
        candidate=event.candidate or 0,
        force=event.force,
        by_hand=event.user_requested,
    )
