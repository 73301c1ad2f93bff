"""`retread trigger` and `triggers`: request a retraining, and list what was requested."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retread.cli.listing import Listing, ListingColumn
from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.cli.times import shown_time
from retread.core import InvalidInput, NotFound

if TYPE_CHECKING:
    from retread.loop import Replayed, Request, TriggerOptions
    from retread.project.settings import TriggersSection

Key = Annotated[
    str, typer.Option(help="Idempotency key: requests with the same key start one retraining.")
]

_NO_TRIGGERS = "No retraining was requested yet. Request one with: retread trigger manual"


def register(app: typer.Typer) -> None:
    trigger = typer.Typer(help="Request a retraining.", no_args_is_help=True)
    trigger.command("manual")(manual)
    trigger.command("new-data")(new_data)
    trigger.command("drift")(drift)
    trigger.command("degradation")(degradation)
    trigger.command("schedule")(schedule)
    trigger.command("commit")(commit)
    app.add_typer(trigger, name="trigger")
    triggers = typer.Typer(help="Requested retrainings.", no_args_is_help=True)
    triggers.command("list")(list_triggers)
    triggers.command("replay")(replay_triggers)
    app.add_typer(triggers, name="triggers")


def manual(
    message: Annotated[str, typer.Option(help="Reason, recorded in the ledger.")] = "",
    scenario: Annotated[str, typer.Option(help="Scenario. Default: [training] scenario.")] = "",
    model_type: Annotated[str, typer.Option(help="Train this model type only.")] = "",
    candidate: Annotated[
        int | None,
        typer.Option(min=1, help="Deploy this version through a canary instead of training."),
    ] = None,
    force: Annotated[
        str,
        typer.Option(
            metavar="REASON",
            help="Bypass the gate for the candidate, for this reason; the canary still applies.",
        ),
    ] = "",
    key: Key = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Retrain now. Cooldown and budget do not apply."""
    from retread.loop import TriggerOptions

    if force and not candidate:
        raise InvalidInput("--force requires --candidate.", "Add: --candidate VERSION")
    options = TriggerOptions(
        message=message,
        key=key,
        scenario=scenario,
        model_type=model_type,
        candidate=candidate or 0,
        force=force,
    )
    _request("manual", options, project=project, json=json)


def new_data(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain on the latest released dataset version."""
    from retread.loop import TriggerOptions

    _request("new-data", TriggerOptions(key=key), project=project, json=json)


def drift(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain because of the latest drift alarm."""
    from retread.loop import TriggerOptions

    _request("drift", TriggerOptions(key=key), project=project, json=json)


def degradation(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain because of the latest alarm that production performs worse on labelled traffic."""
    from retread.loop import TriggerOptions

    _request("degradation", TriggerOptions(key=key), project=project, json=json)


def schedule(key: Key = "", project: ProjectPath = HERE, json: Json = False) -> None:
    """Retrain now in the same way as [triggers] schedule, with labelled traffic."""
    from retread.loop import TriggerOptions

    _request("schedule", TriggerOptions(key=key), project=project, json=json)


def commit(
    message: Annotated[
        str, typer.Option(help="Commit message. Default: RETREAD_COMMIT_MESSAGE.")
    ] = "",
    key: Key = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Train the model type that a commit message names, as in 'model: resnet18'."""
    from retread.loop import TriggerOptions

    text = message or os.environ.get("RETREAD_COMMIT_MESSAGE", "")
    _request("commit", TriggerOptions(message=text, key=key), project=project, json=json)


def list_triggers(project: ProjectPath = HERE, json: Json = False) -> None:
    """List every trigger with the arbiter's decision and the outcome of its retraining."""
    from retread.loop import fold_history

    history = fold_history(workspace(project).ledger.read())
    text = _history_table(history) if history else _NO_TRIGGERS
    emit([_row(request) for request in history], as_json=json, text=text)


def replay_triggers(
    policy: Annotated[
        Path | None,
        typer.Option(help="A retread.toml with the [triggers] to try. Default: the project's."),
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Show what another [triggers] policy would have decided, without changing anything."""
    from retread.loop import replay

    work = workspace(project)
    triggers = _triggers_of(policy) if policy else work.settings.triggers
    replayed = replay(work.ledger.read(), triggers)
    rows = [{**_replayed_row(one), "differs": one.differs} for one in replayed]
    emit(rows, as_json=json, text=_replay_table(replayed) if replayed else _NO_TRIGGERS)


def _request(kind: str, options: TriggerOptions, *, project: Path, json: bool) -> None:
    from retread.app.triggers import request_retraining, require_accepted

    response = require_accepted(request_retraining(workspace(project), kind, options))
    text = (
        f"Trigger {response.trigger} was accepted. {response.reason}\n"
        "The loop (retread up) will run it. Follow it with: retread status"
    )
    emit(response, as_json=json, text=text)


def _triggers_of(path: Path) -> TriggersSection:
    from retread.app.projects import known_names
    from retread.project import load_settings

    if not path.is_file():
        raise NotFound(f"The file {path} does not exist.", "Pass a retread.toml to --policy.")
    return load_settings(path, os.environ, known_names()).triggers


def _row(request: Request) -> dict[str, Any]:
    return {
        "trigger": request.trigger,
        "at": request.received_at,
        "kind": request.proposal.kind,
        "detail": request.proposal.detail,
        "decision": request.decision,
        "reason": request.reason,
        "outcome": request.outcome,
    }


def _history_table(history: tuple[Request, ...]) -> Listing:
    table = Listing(
        "",
        "trigger",
        ListingColumn("received", drop=1),
        "kind",
        "decision",
        "outcome",
        ListingColumn("cause", wrap=True),
    )
    for request in history:
        table.add(
            request.trigger,
            shown_time(request.received_at),
            request.proposal.kind,
            request.decision or "",
            request.outcome or ("in progress" if request.open else ""),
            request.proposal.detail,
        )
    return table


def _replayed_row(replayed: Replayed) -> dict[str, Any]:
    return {
        "trigger": replayed.trigger,
        "at": replayed.at,
        "kind": replayed.kind,
        "was": replayed.was,
        "would_be": replayed.would_be,
        "reason": replayed.reason,
    }


def _replay_table(replayed: tuple[Replayed, ...]) -> Listing:
    table = Listing(
        "",
        "trigger",
        ListingColumn("received", drop=1),
        "kind",
        "decision",
        "would be",
        ListingColumn("reason", wrap=True),
    )
    for one in replayed:
        style = "bold" if one.differs else "dim"
        at = shown_time(one.at)
        table.add(one.trigger, at, one.kind, one.was or "", one.would_be, one.reason, style=style)
    return table
