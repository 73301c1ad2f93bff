"""Asking the arbiter of a workspace for a retraining."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retread.core import UnknownOption, is_import_string, new_id
from retread.loop import Request, TriggerOptions, proposal_for, submit, trigger_context
from retread.project import ScenarioRun, Settings
from retread.training.catalog import recipe_named

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def ask(workspace: Workspace, kind: str, asked: TriggerOptions) -> Request:
    """Record the trigger `kind` and the arbiter's decision; the loop does what was accepted.

    Raises UnknownOption, InvalidInput, Refused and NotFound before anything is recorded.
    """
    settings = workspace.settings
    entries = workspace.ledger.read()
    model_types = recipe_named(settings.recipe.kind).model_types()
    view = trigger_context(settings, entries, model_types, workspace.clock.now())
    if asked.candidate:
        workspace.registry.state().version(asked.candidate)
    if asked.scenario and asked.scenario not in settings.training.scenarios:
        raise UnknownOption("scenario", asked.scenario, settings.training.scenarios)
    if not asked.candidate and not asked.model_type:
        _check_planned(settings, asked.scenario, model_types)
    proposal = proposal_for(kind, view, asked)
    return submit(
        workspace.ledger, proposal, settings.triggers, workspace.clock, lambda: new_id("trg")
    )


def _check_planned(settings: Settings, scenario: str, known: tuple[str, ...]) -> None:
    """UnknownOption for a model type of the settings that the recipe does not have."""
    name = scenario or settings.training.scenario
    runs = settings.training.scenarios[name].runs if name else (ScenarioRun(),)
    for run in runs:
        model_type = run.model_type or settings.training.model_type
        if not is_import_string(model_type) and model_type not in known:
            raise UnknownOption("model type", model_type, known)
