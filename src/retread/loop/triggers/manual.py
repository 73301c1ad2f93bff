"""Somebody asked for it."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.core import UnknownOption
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """A retraining by hand: each asking is a new one, unless it brings its own key."""
    if asked.model_type and asked.model_type not in view.model_types:
        raise UnknownOption("model type", asked.model_type, view.model_types)
    window = asked.key or view.now.isoformat()
    return Proposal(
        kind=CauseKind.MANUAL,
        key=trigger_key(view.model, CauseKind.MANUAL, window, view.data_digest),
        detail=asked.message or "asked for by hand",
        scenario=asked.scenario,
        model_type=asked.model_type,
        candidate=asked.candidate,
        force=asked.force,
        by_hand=True,
    )
