"""`retread history`, `retread lineage`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import InvalidInput, NotFound

if TYPE_CHECKING:
    from retread.app import Workspace

EXAMPLE = "2026-11-21T07:00 or 2026-11-21T07:00:30+00:00"


def register(app: typer.Typer) -> None:
    app.command("history")(history)
    app.command("lineage")(lineage)


def history(
    at: Annotated[str, typer.Option("--at", help="ISO time; what served then.")] = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """List every recorded event, or show what served at a time."""
    from retread.cli.tables import history_table, slots_table
    from retread.registry import state_at

    entries = workspace(project).ledger.read()
    if not at:
        emit([_as_document(entry) for entry in entries], as_json=json, text=history_table(entries))
        return
    state = state_at(entries, _time(at))
    body = {"at": _time(at), "production": state.production, "slots": state.slots}
    emit(body, as_json=json, text=slots_table(state))


def lineage(
    subject: Annotated[str, typer.Argument(metavar="ID|VERSION", help="Request id or version.")],
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Show where a model version, or the answer to a request, comes from."""
    from retread.cli.tables import lineage_text
    from retread.registry import lineage_of_version

    space = workspace(project)
    number = int(subject) if subject.isdecimal() else _version_that_answered(space, subject)
    state = space.registry.state()
    manifest = space.bundles.manifest(state.version(number).bundle)
    found = lineage_of_version(number, state, manifest, space.ledger.read())
    emit(found, as_json=json, text=lineage_text(found))


def _version_that_answered(space: Workspace, request_id: str) -> int:
    record = space.traffic.find(request_id)
    if record is None:
        raise NotFound(
            f"No request {request_id!r} was recorded.",
            "Use the X-Request-Id of an answer, or a model version's number.",
        )
    if record.answer is None:
        raise NotFound(f"Request {request_id!r} was answered by no model: status {record.status}.")
    return record.answer.version


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is not a time.", f"Write it as {EXAMPLE}.") from None
    # A time without a zone is meant as the user's clock shows it.
    return time.astimezone(UTC)


def _as_document(entry: object) -> object:
    import msgspec

    return msgspec.to_builtins(entry)
