"""`retread history`, `retread lineage`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit
from retread.core import InvalidInput, NotFound

if TYPE_CHECKING:
    from retread.serving import PredictionRecord

EXAMPLE = "2026-11-21T07:00 or 2026-11-21T07:00:30+00:00"

_MOST_DIGITS = 18


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
        emit(
            [msgspec.to_builtins(entry) for entry in entries],
            as_json=json,
            text=history_table(entries),
        )
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
    state = space.registry.state()
    number = int(subject) if subject.isdecimal() and len(subject) <= _MOST_DIGITS else None
    # A request may be called by a number too; where there is such a version, that is meant.
    record = None if number in state.versions else space.traffic.find(subject)
    if record is not None or number is None:
        number = _version_that_answered(subject, record)
    manifest = space.bundles.manifest(state.version(number).bundle)
    found = lineage_of_version(number, state, manifest, space.ledger.read())
    body = msgspec.to_builtins(found)
    if record is not None and record.answer is not None:
        body["request"] = {"id": record.id, "slot": record.answer.slot, "at": record.at}
    emit(body, as_json=json, text=lineage_text(found, record))


def _version_that_answered(request_id: str, record: PredictionRecord | None) -> int:
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
        # A time without a zone is meant as the user's clock shows it.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{text!r} is not a time.", f"Write it as {EXAMPLE}.") from None
