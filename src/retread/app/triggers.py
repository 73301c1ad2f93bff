"""Request a retraining from the arbiter of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from retread.core import Refused, UnknownOption, is_import_string, new_id
from retread.loop import Request, TriggerOptions, proposal_for, submit, trigger_context
from retread.project import ScenarioRun, Settings
from retread.training.catalog import recipe_named

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


class TriggerResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted trigger, as the command line and the API return it."""

    trigger: str
    key: str
    decision: str
    reason: str


def request_retraining(workspace: Workspace, kind: str, options: TriggerOptions) -> Request:
    """Record a trigger and the arbiter's decision; the loop runs what was accepted.

    Args:
        workspace: The project's workspace.
        kind: Kind of the trigger, such as `manual`.
        options: What to train and why.

    Returns:
        The trigger with the decision, which may be a refusal.

    Raises:
        UnknownOption: The kind, scenario or model type does not exist; nothing is recorded.
        InvalidInput: The options do not fit the kind; nothing is recorded.
        NotFound: The candidate does not exist; nothing is recorded.
        Refused: The kind cannot be requested; nothing is recorded.
    """
    settings = workspace.settings
    entries = workspace.ledger.read()
    model_types = recipe_named(settings.recipe.kind).model_types()
    context = trigger_context(settings, entries, model_types, workspace.clock.now())
    if options.candidate:
        workspace.registry.state().version(options.candidate)
    if options.scenario and options.scenario not in settings.training.scenarios:
        raise UnknownOption("scenario", options.scenario, settings.training.scenarios)
    if not options.candidate and not options.model_type:
        _check_model_types(settings, options.scenario or "", model_types)
    proposal = proposal_for(kind, context, options)
    return submit(
        workspace.ledger, proposal, settings.triggers, workspace.clock, lambda: new_id("trg")
    )


def require_accepted(request: Request) -> TriggerResponse:
    """Return an accepted trigger as a response.

    Raises:
        Refused: The arbiter decided against it; the message says how and why.
    """
    if not request.accepted or request.decision is None:
        raise Refused(
            f"{request.decision}: {request.reason}",
            "Run `retread triggers list` to see every decision.",
        )
    return TriggerResponse(
        trigger=request.trigger,
        key=request.key,
        decision=request.decision,
        reason=request.reason,
    )


def _check_model_types(settings: Settings, scenario: str, known: tuple[str, ...]) -> None:
    """Raise UnknownOption for a model type in the settings that the recipe does not have."""
    name = scenario or settings.training.scenario
    runs = settings.training.scenarios[name].runs if name else (ScenarioRun(),)
    for run in runs:
        model_type = run.model_type or settings.training.model_type
        if not is_import_string(model_type) and model_type not in known:
            raise UnknownOption("model type", model_type, known)
