"""`retread predict`: send images or rows to the running server."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, Port, ProjectPath
from retread.cli.output import emit
from retread.cli.prediction_files import TableFile, read_files
from retread.core import InvalidInput, NotFound, checked_name, write_atomically
from retread.project import open_project

if TYPE_CHECKING:
    from retread.serving.client import ServingClient
    from retread.serving.prediction import Prediction


@dataclass(frozen=True, slots=True)
class _Predicted:
    """The prediction for an image, or for a row of a table."""

    path: Path
    row: int | None
    prediction: Prediction


def register(app: typer.Typer) -> None:
    app.command("predict")(predict)


def predict(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    files: Annotated[
        list[Path],
        typer.Argument(help="Images, or tables in any format of data add.", metavar="FILE..."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the predictions to a CSV file."),
    ] = None,
    port: Port = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Predict images or rows.

    Sends them to the running server and prints each prediction with its row in the file (the
    header is row 1) and its request id. Values are read by the rules of the model's training data;
    categories that the model did not see in training are marked.
    """
    from retread.app.supervisor import serving_address
    from retread.data.tables import FileOptions
    from retread.serving.client import ServingClient

    checked_name("model", model)
    if output is not None and not output.parent.is_dir():
        raise NotFound(f"There is no folder {output.parent}.", "Check --output.")
    opened = open_project(project, os.environ)
    data = opened.settings.data
    contents = read_files(files, FileOptions(data.encoding, data.delimiter, data.sheet))
    with ServingClient(serving_address(opened, port), model) as client:
        predictions = list(_predictions(client, contents))
    body = [{"file": str(p.path), "row": p.row, "prediction": p.prediction} for p in predictions]
    text = "\n".join(map(_line, predictions))
    if output is not None:
        write_atomically(output, _csv(predictions))
        text = f"{len(predictions)} predictions were written to {output}."
    emit(body, as_json=json, text=text)


def _predictions(
    client: ServingClient, contents: Sequence[tuple[Path, bytes | TableFile]]
) -> Iterator[_Predicted]:
    for path, content in contents:
        if isinstance(content, bytes):
            yield _Predicted(path, None, client.predict(content))
            continue
        try:
            rows = content.rows(client.column_rules())
            found = client.predict_rows(rows, content.numbers)
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error.message}", error.hint) from error
        for number, prediction in zip(content.numbers, found, strict=True):
            yield _Predicted(path, number, prediction)


def _csv(predictions: Sequence[_Predicted]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(
        ("file", "row", "prediction", "confidence", "unknown", "version", "slot", "request")
    )
    for predicted in predictions:
        one = predicted.prediction
        writer.writerow(
            (
                predicted.path,
                predicted.row,
                one.label if one.value is None else one.value,
                one.confidence,
                " ".join(one.unknown),
                one.model_version,
                one.slot,
                one.id,
            )
        )
    return text.getvalue().encode()


def _line(predicted: _Predicted) -> str:
    one = predicted.prediction
    output = f"{one.value:.6g}" if one.value is not None else f"{one.label} {one.confidence:.1%}"
    place = "" if predicted.row is None else f":{predicted.row}"
    unknown = f"  unknown category: {', '.join(one.unknown)}" if one.unknown else ""
    return (
        f"{predicted.path}{place}: {output}{unknown}  "
        f"(version {one.model_version}, {one.slot}, request {one.id})"
    )
