"""A user requests a retraining."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.core import UnknownOption
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose a retraining; each request is a new one, unless it brings its own key.

    Raises:
        UnknownOption: The recipe has no such model type.
    """
    if options.model_type and options.model_type not in context.model_types:
        raise UnknownOption("model type", options.model_type, context.model_types)
    window = options.key or context.now.isoformat()
    return Proposal(
        kind=CauseKind.MANUAL,
        key=trigger_key(context.model, CauseKind.MANUAL, window, context.data_digest),
        detail=options.message or "requested manually",
        scenario=options.scenario or None,
        model_type=options.model_type or None,
        candidate=options.candidate or None,
        force_reason=options.force or None,
        user_requested=True,
    )
