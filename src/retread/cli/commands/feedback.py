"""`retread feedback`: true labels of predictions."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import HERE, Json, Port, ProjectPath, WrongUsage
from retread.cli.output import emit
from retread.core import InvalidInput
from retread.project import open_project

_COLUMNS = ("request_id", "label")


def register(app: typer.Typer) -> None:
    app.command("feedback")(feedback)


def feedback(
    request_id: Annotated[str, typer.Argument(help="Request id of the prediction.")] = "",
    label: Annotated[str, typer.Argument(help="True label, or true value.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="CSV file with the columns request_id and label.")
    ] = None,
    port: Port = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Record the true label of one or more predictions."""
    from retread.app.supervisor import serving_address
    from retread.serving.client import ServingClient

    if (file is None) == (not request_id) or bool(request_id) != bool(label):
        raise WrongUsage(
            "Feedback requires either a request id and its label, or a file.",
            "Use: retread feedback REQUEST_ID LABEL, or: retread feedback --file labels.csv",
        )
    pairs = _pairs(file) if file is not None else [(request_id, label)]
    opened = open_project(project, os.environ)
    model = opened.settings.project.name
    with ServingClient(serving_address(opened, port), model) as client:
        accepted = client.feedback_many(pairs)
    noun = "label" if accepted == 1 else "labels"
    emit({"accepted": accepted}, as_json=json, text=f"{accepted} {noun} recorded.")


def _pairs(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        raise InvalidInput(f"The file {path} does not exist.", "Check its name.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", "Use CSV in UTF-8.") from error
    pairs = [(row.get(_COLUMNS[0]) or "", row.get(_COLUMNS[1]) or "") for row in rows]
    wrong = next((i for i, pair in enumerate(pairs, start=2) if not all(pair)), None)
    if wrong is not None or not pairs:
        where = f"line {wrong} of {path} has" if wrong else f"{path} has"
        raise InvalidInput(
            f"{where} no request id or no label.", "The columns are request_id and label."
        )
    return pairs
