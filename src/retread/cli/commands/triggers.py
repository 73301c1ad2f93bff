"""`retread triggers`: what asked for retraining, and what another policy would have said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import NotFound

if TYPE_CHECKING:
    from retread.loop import Replayed, Request
    from retread.project.settings import TriggersSection

_NONE = "Nothing has asked for a retraining yet. Ask with: retread trigger manual"


def register(app: typer.Typer) -> None:
    triggers = typer.Typer(help="What asked for retraining.", no_args_is_help=True)
    triggers.command("list")(list_triggers)
    triggers.command("replay")(replay_triggers)
    app.add_typer(triggers, name="triggers")


def list_triggers(project: ProjectPath = HERE, json: Json = False) -> None:
    """List every trigger, what the arbiter decided, and how the retraining ended."""
    from retread.loop import fold_history

    history = fold_history(workspace(project).ledger.read())
    emit([_row(r) for r in history], as_json=json, text=_table(history) if history else _NONE)


def replay_triggers(
    policy: Annotated[
        Path | None, typer.Option(help="A retread.toml whose [triggers] is tried out.")
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Show what a changed [triggers] policy would have decided; changes nothing."""
    from retread.loop import replay

    work = workspace(project)
    tried = _policy(policy) if policy else work.settings.triggers
    answers = replay(work.ledger.read(), tried)
    rows = [{**_replayed(answer), "differs": answer.differs} for answer in answers]
    emit(rows, as_json=json, text=_comparison(answers) if answers else _NONE)


def _policy(path: Path) -> TriggersSection:
    from retread.app.known_names import known_names
    from retread.project import load_settings

    if not path.is_file():
        raise NotFound(f"There is no file {path}.", "Name a retread.toml with --policy.")
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


def _table(history: tuple[Request, ...]) -> Table:
    table = Table(*_ids(), "kind", "why", "decision", "outcome", box=None)
    for request in history:
        table.add_row(
            request.trigger,
            f"{request.received_at:%Y-%m-%d %H:%M:%S}",
            request.proposal.kind,
            request.proposal.detail,
            request.decision or "",
            request.outcome or ("under way" if request.open else ""),
        )
    return table


def _ids() -> tuple[Column, Column]:
    return Column("trigger", no_wrap=True), Column("asked at", no_wrap=True)


def _replayed(answer: Replayed) -> dict[str, Any]:
    return {
        "trigger": answer.trigger,
        "at": answer.at,
        "kind": answer.kind,
        "was": answer.was,
        "would_be": answer.would_be,
        "reason": answer.reason,
    }


def _comparison(answers: tuple[Replayed, ...]) -> Table:
    table = Table(*_ids(), "kind", "was", "would be", "because", box=None)
    for answer in answers:
        style = "bold" if answer.differs else "dim"
        at = f"{answer.at:%Y-%m-%d %H:%M:%S}"
        cells = (answer.trigger, at, answer.kind, answer.was, answer.would_be, answer.reason)
        table.add_row(*cells, style=style)
    return table
