"""`retread trigger`: asks the arbiter for a retraining."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import InvalidInput, Refused

if TYPE_CHECKING:
    from retread.loop import Request, TriggerOptions

Key = Annotated[
    str, typer.Option(help="Identity of what asks: asked twice with one key, it is done once.")
]


def register(app: typer.Typer) -> None:
    trigger = typer.Typer(help="Ask the arbiter for a retraining.", no_args_is_help=True)
    trigger.command("manual")(manual)
    trigger.command("new-data")(new_data)
    trigger.command("drift")(drift)
    trigger.command("degradation")(degradation)
    trigger.command("schedule")(schedule)
    trigger.command("commit")(commit)
    app.add_typer(trigger, name="trigger")


def manual(
    message: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    scenario: Annotated[str, typer.Option(help="Scenario; [training] scenario if left out.")] = "",
    model_type: Annotated[str, typer.Option(help="Train this model type only.")] = "",
    candidate: Annotated[
        int, typer.Option(min=0, help="Deploy this version by way of the canary; train nothing.")
    ] = 0,
    force: Annotated[
        str, typer.Option(help="Why a candidate may go past the gate; the canary still judges.")
    ] = "",
    key: Key = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Retrain because a person says so: no cooldown, and no budget."""
    from retread.loop import TriggerOptions

    if force and not candidate:
        raise InvalidInput("--force goes with --candidate.", "Name a version: --candidate VERSION")
    asked = TriggerOptions(
        message=message,
        key=key,
        scenario=scenario,
        model_type=model_type,
        candidate=candidate,
        force=force,
    )
    _ask("manual", asked, project=project, json=json)


def new_data(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Train on the newest released dataset version."""
    from retread.loop import TriggerOptions

    _ask("new-data", TriggerOptions(key=key), project=project, json=json)


def drift(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain because of the newest drift alarm."""
    from retread.loop import TriggerOptions

    _ask("drift", TriggerOptions(key=key), project=project, json=json)


def degradation(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain because production does worse on labelled traffic, by the newest alarm."""
    from retread.loop import TriggerOptions

    _ask("degradation", TriggerOptions(key=key), project=project, json=json)


def schedule(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain now as [triggers] schedule does: with labelled traffic."""
    from retread.loop import TriggerOptions

    _ask("schedule", TriggerOptions(key=key), project=project, json=json)


def commit(
    message: Annotated[
        str, typer.Option(help="The commit message; RETREAD_COMMIT_MESSAGE if left out.")
    ] = "",
    key: Key = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Train the model that a commit message names, as in 'model: resnet18'."""
    from retread.loop import TriggerOptions

    said = message or os.environ.get("RETREAD_COMMIT_MESSAGE", "")
    _ask("commit", TriggerOptions(message=said, key=key), project=project, json=json)


def _ask(kind: str, asked: TriggerOptions, *, project: ProjectPath, json: bool) -> None:
    from retread.app.triggers import ask

    request = ask(workspace(project), kind, asked)
    if not request.accepted:
        raise Refused(f"{request.decision}: {request.reason}", "See: retread triggers list")
    emit(_answer(request), as_json=json, text=_text(request))


def _answer(request: Request) -> dict[str, str]:
    return {
        "trigger": request.trigger,
        "key": request.key,
        "decision": request.decision or "",
        "reason": request.reason,
    }


def _text(request: Request) -> str:
    return (
        f"{request.trigger} was accepted. {request.reason}\n"
        "The loop does it (retread up); follow it with: retread status"
    )
