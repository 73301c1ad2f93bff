"""`retread feedback`: true labels of predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from msgspec import to_builtins

from retread.cli.options import HERE, Json, Port, ProjectPath, WrongUsage
from retread.cli.output import emit
from retread.core import InvalidInput
from retread.core.column_rules import UnreadableValue, clean_text
from retread.project import open_project
from retread.serving.request_id import checked_request_id

if TYPE_CHECKING:
    from retread.core.label_check import LabelReader
    from retread.serving.client import FeedbackResult

_COLUMNS = ("request_id", "label")
_MOST_NAMED = 5


def register(app: typer.Typer) -> None:
    app.command("feedback")(feedback)


def feedback(
    request_id: Annotated[str, typer.Argument(help="Request id of the prediction.")] = "",
    label: Annotated[str, typer.Argument(help="True label, or true value.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="Table with the columns request_id and label.")
    ] = None,
    port: Port = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Record the true label of one or more predictions: all of a file, or none."""
    from retread.app.supervisor import serving_address
    from retread.serving.client import ServingClient

    if (file is None) == (not request_id) or bool(request_id) != bool(label):
        raise WrongUsage(
            "Feedback requires either a request id and its label, or a file.",
            "Use: retread feedback REQUEST_ID LABEL, or: retread feedback --file labels.csv",
        )
    pairs = _pairs(file) if file is not None else [LabelRow(0, request_id, label)]
    opened = open_project(project, os.environ)
    model = opened.settings.project.name
    with ServingClient(serving_address(opened, port), model) as client:
        if file is not None:
            _check(file, pairs, client.label_reader())
        result = client.feedback_many([(row.request_id, row.label) for row in pairs])
    emit(to_builtins(result), as_json=json, text=_text(result))


class LabelRow(NamedTuple):
    """A row of a file of labels; the header is row 1."""

    number: int
    request_id: str
    label: Any


def _pairs(path: Path) -> list[LabelRow]:
    from retread.data.tables import read_file

    if not path.is_file():
        raise InvalidInput(f"The file {path} does not exist.", "Check its name.")
    raw = read_file(path)
    names = [clean_text(name) for name in raw.names]
    if not raw.table.num_rows or not {*_COLUMNS} <= {*names}:
        raise InvalidInput(
            f"{path} has no request id or no label; its columns are: {', '.join(names)}.",
            "The columns are request_id and label.",
        )
    ids, labels = (raw.table.column(names.index(name)).to_pylist() for name in _COLUMNS)
    return [
        LabelRow(raw.rows[position], "" if id_ is None else clean_text(str(id_)), label)
        for position, (id_, label) in enumerate(zip(ids, labels, strict=True))
    ]


def _check(path: Path, rows: Sequence[LabelRow], reader: LabelReader) -> None:
    """Raise InvalidInput for the first row that the server would not take."""
    for row in rows:
        try:
            checked_request_id(row.request_id)
            reader.read(row.label)
        except (InvalidInput, UnreadableValue) as error:
            raise InvalidInput(
                f"Row {row.number} of {path}: {str(error).rstrip('.')}.",
                "No label of the file was recorded. Correct the row, and send the file again.",
            ) from error


def _text(result: FeedbackResult) -> str:
    noun = "label" if result.accepted == 1 else "labels"
    lines = [f"{result.accepted} {noun} recorded."]
    if result.waiting:
        named = ", ".join(result.waiting[:_MOST_NAMED])
        more = len(result.waiting) - _MOST_NAMED
        lines.append(
            f"{len(result.waiting)} of them for requests without an answer so far: {named}"
            + (f" and {more} more" if more > 0 else "")
            + ". Kept until one is seen; check the request ids."
        )
    if result.unknown_labels:
        named = ", ".join(map(repr, result.unknown_labels[:_MOST_NAMED]))
        lines.append(
            f"The model cannot predict {named}: counted as errors of the model. "
            "To have it learned, add data with that label."
        )
    return "\n".join(lines)
