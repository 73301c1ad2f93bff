"""`retread predict`: a client of a running server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retread.cli.options import HERE, Json, ProjectPath
from retread.cli.output import emit
from retread.core import InvalidInput, checked_name
from retread.project import open_project

if TYPE_CHECKING:
    from retread.serving.client import Prediction, Row, ServingClient

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
TABLES = (".csv", ".json")


def register(app: typer.Typer) -> None:
    app.command("predict")(predict)


def predict(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    files: Annotated[
        list[Path], typer.Argument(help="Images, or CSV or JSON files of rows.", metavar="FILE...")
    ],
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Where the server is, if left out.")
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Ask the running server about images or rows; prints each answer and its request id."""
    from retread.app.supervisor import serving_address
    from retread.serving.client import ServingClient

    checked_name("model", model)
    opened = open_project(project, os.environ)
    with ServingClient(serving_address(opened, port), model) as client:
        answers = [
            (path, one) for path, content in _contents(files) for one in _ask(client, path, content)
        ]
    body = [{"file": str(path), "prediction": one} for path, one in answers]
    emit(body, as_json=json, text="\n".join(_line(path, one) for path, one in answers))


def _contents(files: list[Path]) -> list[tuple[Path, bytes]]:
    """Every file is read before the first is sent."""
    for path in files:
        if path.suffix.lower() not in (*MEDIA_TYPES, *TABLES):
            raise InvalidInput(
                f"{path} is neither an image nor a table.",
                f"Use one of: {', '.join((*MEDIA_TYPES, *TABLES))}.",
            )
        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.", "Check its name.")
    return [(path, path.read_bytes()) for path in files]


def _ask(client: ServingClient, path: Path, content: bytes) -> list[Prediction]:
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is not None:
        return [client.predict(content)]
    return client.predict(_rows(path, content))


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
        raise InvalidInput(f"{path} cannot be read: {error}.", "Send one object a row.") from error
    if not rows:
        raise InvalidInput(f"{path} has no rows.", "A CSV file needs a header and a row.")
    return rows


def _check_lengths(path: Path, rows: Sequence[dict[str | Any, str | Any]]) -> None:
    for number, row in enumerate(rows, start=1):
        # So says the reader of a row with values too many, or too few.
        if None in row or None in row.values():
            raise InvalidInput(
                f"Row {number} of {path} has not as many values as the header has columns.",
                "Leave a value empty where it is missing, but keep its comma.",
            )


def _line(path: Path, one: Prediction) -> str:
    said = f"{one.value:.6g}" if one.value is not None else f"{one.label} {one.confidence:.1%}"
    return f"{path}: {said}  (version {one.model_version}, {one.slot}, request {one.id})"
