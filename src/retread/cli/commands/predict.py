"""`retread predict`: send images or rows to the running server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retread.cli.options import HERE, Json, Port, ProjectPath
from retread.cli.output import emit
from retread.core import InvalidInput, checked_name
from retread.project import open_project

if TYPE_CHECKING:
    from retread.serving.client import Prediction, ServingClient
    from retread.serving.client_data import Row

_IMAGES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"),
    *(".ppm", ".pgm"),
)
_TABLES = (".csv", ".json")


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

    Sends them to the running server and prints each prediction with its request id.
    """
    from retread.app.supervisor import serving_address
    from retread.serving.client import ServingClient

    checked_name("model", model)
    opened = open_project(project, os.environ)
    with ServingClient(serving_address(opened, port), model) as client:
        predictions = list(_predictions(client, _contents(files)))
    body = [{"file": str(path), "prediction": one} for path, one in predictions]
    emit(body, as_json=json, text="\n".join(_line(path, one) for path, one in predictions))


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
) -> Iterator[tuple[Path, Prediction]]:
    for path, content in contents:
        if path.suffix.lower() in _IMAGES:
            yield path, client.predict(content)
        else:
            for one in client.predict(_rows(path, content)):
                yield path, one


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


def _line(path: Path, one: Prediction) -> str:
    output = f"{one.value:.6g}" if one.value is not None else f"{one.label} {one.confidence:.1%}"
    return f"{path}: {output}  (version {one.model_version}, {one.slot}, request {one.id})"
