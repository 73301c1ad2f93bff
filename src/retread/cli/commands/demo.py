"""`retread demo`: run the whole loop, unattended, on generated or real data."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import Json
from retread.cli.output import emit

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Photos in class folders (tires), or hour.csv (bikes)."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="A new folder. Default: demo-NAME in the current folder."),
]


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    name: Annotated[str, typer.Argument(metavar="[tires|iris|bikes]")] = "tires",
    data: Data = None,
    folder: Folder = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    json: Json = False,
) -> None:
    """Run the whole loop in a new folder.

    It adds data, trains, serves, lets the traffic drift, retrains and promotes.
    """
    from retread.demos.play import play_demo
    from retread.demos.summary_view import shown

    summary = play_demo(name, data, folder, seed, sys.stderr if json else sys.stdout)
    emit(summary, as_json=json, text=shown(summary))
    if not summary.closed:
        raise typer.Exit(1)
