"""`retread feedback`: true labels of answered requests."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath
from retread.cli.output import emit
from retread.cli.usage import WrongUsage
from retread.core import InvalidInput
from retread.project import open_project

COLUMNS = ("request_id", "label")


def register(app: typer.Typer) -> None:
    app.command("feedback")(feedback)


def feedback(
    request_id: Annotated[str, typer.Argument(help="What the answer's id was.")] = "",
    label: Annotated[str, typer.Argument(help="What would have been right.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="CSV file with the columns request_id and label.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Where the server is, if left out.")
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Tell what the right answer of a request was, or of many."""
    from retread.app.supervisor import serving_address
    from retread.serving.client import ServingClient

    if (file is None) == (not request_id) or bool(request_id) != bool(label):
        raise WrongUsage(
            "Feedback needs one request id and its label, or a file.",
            "Use: retread feedback REQUEST_ID LABEL, or: retread feedback --file labels.csv",
        )
    pairs = _pairs(file) if file is not None else [(request_id, label)]
    opened = open_project(project, os.environ)
    model = opened.settings.project.name
    with ServingClient(serving_address(opened, port), model) as client:
        taken = client.feedback_many(pairs)
    noun = "label" if taken == 1 else "labels"
    emit({"accepted": taken}, as_json=json, text=f"{taken} {noun} recorded.")


def _pairs(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", "Check its name.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", "Send UTF-8 CSV.") from error
    pairs = [(row.get(COLUMNS[0]) or "", row.get(COLUMNS[1]) or "") for row in rows]
    wrong = next((i for i, pair in enumerate(pairs, start=2) if not all(pair)), None)
    if wrong is not None or not pairs:
        where = f"line {wrong} of {path} has" if wrong else f"{path} has"
        raise InvalidInput(f"{where} no request id or no label.", "Columns: request_id, label.")
    return pairs
