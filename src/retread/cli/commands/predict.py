"""`retread predict`: send images or rows to the running server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retread.cli.options import HERE, Json, Port, ProjectPath
from retread.cli.output import emit
from retread.core import InvalidInput, checked_name
from retread.project import open_project

if TYPE_CHECKING:
    from retread.serving.client import ServingClient
    from retread.serving.client_data import Row
    from retread.serving.prediction import Prediction

_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_TABLES = (".csv", ".json")


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
        typer.Argument(help="Images, or CSV or JSON files with rows.", metavar="FILE..."),
    ],
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
    from retread.serving.client import ServingClient

    checked_name("model", model)
    opened = open_project(project, os.environ)
    with ServingClient(serving_address(opened, port), model) as client:
        predictions = list(_predictions(client, _contents(files)))
    body = [{"file": str(p.path), "row": p.row, "prediction": p.prediction} for p in predictions]
    emit(body, as_json=json, text="\n".join(map(_line, predictions)))


def _contents(files: list[Path]) -> list[tuple[Path, bytes]]:
    """Read every file before the first is sent."""
    for path in files:
        if path.suffix.lower() not in (*_IMAGES, *_TABLES):
            raise InvalidInput(
                f"{path} is neither an image nor a table.",
                f"Use one of: {', '.join((*_IMAGES, *_TABLES))}.",
            )
        if not path.is_file():
            raise InvalidInput(f"The file {path} does not exist.", "Check its name.")
    return [(path, path.read_bytes()) for path in files]


def _predictions(
    client: ServingClient, contents: Sequence[tuple[Path, bytes]]
) -> Iterator[_Predicted]:
    for path, content in contents:
        if path.suffix.lower() in _IMAGES:
            yield _Predicted(path, None, client.predict(content))
            continue
        rows = _rows(path, content)
        numbers = range(2, len(rows) + 2)
        try:
            found = client.predict_rows(rows, numbers)
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error.message}", error.hint) from error
        for number, prediction in zip(numbers, found, strict=True):
            yield _Predicted(path, number, prediction)


def _rows(path: Path, content: bytes) -> list[Row]:
    import csv
    import io

    import msgspec

    try:
        if path.suffix.lower() == ".csv":
            read = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
            _check_lengths(path, read)
            rows: list[Row] = list(read)
        else:
            value = msgspec.json.decode(content)
            rows = msgspec.convert(
                value if isinstance(value, list) else [value],
                list[dict[str, float | str | None]],
            )
    except (UnicodeDecodeError, csv.Error, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.", "Use one object per row.") from error
    if not rows:
        raise InvalidInput(f"{path} has no rows.", "A CSV file needs a header and a row.")
    return rows


def _check_lengths(path: Path, rows: Sequence[dict[str | Any, str | Any]]) -> None:
    for number, row in enumerate(rows, start=1):
        # The CSV reader uses None as the key of excess values, and as the value of missing ones.
        if None in row or None in row.values():
            raise InvalidInput(
                f"Row {number} of {path} does not have one value per column of the header.",
                "Leave missing values empty, but keep their commas.",
            )


def _line(predicted: _Predicted) -> str:
    one = predicted.prediction
    output = f"{one.value:.6g}" if one.value is not None else f"{one.label} {one.confidence:.1%}"
    place = "" if predicted.row is None else f":{predicted.row}"
    unknown = f"  unknown category: {', '.join(one.unknown)}" if one.unknown else ""
    return (
        f"{predicted.path}{place}: {output}{unknown}  "
        f"(version {one.model_version}, {one.slot}, request {one.id})"
    )
