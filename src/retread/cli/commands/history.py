"""`retread history`, `lineage`, `audit`: what was recorded, and whether it is intact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.cli.times import typed_time
from retread.core import IntegrityBroken, InvalidInput

if TYPE_CHECKING:
    pass

_EXAMPLE_TIMES = "2026-11-21T07:00 or 2026-11-21T07:00:30+00:00"
_MAX_DIGITS = 18


def register(app: typer.Typer) -> None:
    app.command("history")(history)
    app.command("lineage")(lineage)
    audit = typer.Typer(help="Verify that recorded data was not changed.")
    audit.command("verify")(verify)
    # A callback keeps `verify` a subcommand although it is the only one.
    audit.callback()(_audit)
    app.add_typer(audit, name="audit")


def history(
    at: Annotated[
        str, typer.Option("--at", help="ISO 8601 time; show what was served at that time.")
    ] = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """List recorded events.

    With --at, show what was served at that time instead.
    """
    from retread.cli.tables import history_table, slots_table
    from retread.registry import state_at

    entries = workspace(project).ledger.read()
    if not at:
        emit(
            [msgspec.to_builtins(entry) for entry in entries],
            as_json=json,
            text=history_table(entries),
        )
        return
    time = _parse_time(at)
    state = state_at(entries, time)
    body = {"at": time, "production": state.production, "slots": state.slots}
    emit(body, as_json=json, text=slots_table(state))


def lineage(
    subject: Annotated[
        str, typer.Argument(metavar="ID|VERSION", help="Request id, or number of a model version.")
    ],
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Show the origin of a version or a prediction."""
    from retread.app.lineage import trace
    from retread.cli.tables import lineage_text

    found = trace(workspace(project), subject)
    record = found.request
    body = msgspec.to_builtins(found.version)
    if record is not None and record.answer is not None:
        body["request"] = {"id": record.id, "slot": record.answer.slot, "at": record.at}
    emit(body, as_json=json, text=lineage_text(found.version, record))


def verify(project: ProjectPath = HERE, json: Json = False) -> None:
    """Verify the ledger's hash chain, every bundle and every dataset version."""
    from retread.app.audit import audit_workspace
    from retread.cli.progress import progress

    with progress() as report:
        found = audit_workspace(workspace(project), report)
    if found.problems:
        raise IntegrityBroken("\n".join(found.problems))
    text = f"{found.entries} ledger entries and {found.bundles} bundles are intact."
    emit(found, as_json=json, text=text)


def _audit() -> None:
    """Verify that recorded data was not changed."""


def _parse_time(text: str) -> datetime:
    try:
        return typed_time(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is not a valid time.", f"Write it as {_EXAMPLE_TIMES}."
        ) from None
