"""`retread demo`: run the whole loop, unattended."""

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
    typer.Option("--folder", help="New folder for the project. Default: demo-NAME here."),
]
Full = Annotated[
    bool,
    typer.Option("--full", help="Draw and train the tires at full size, however long it takes."),
]
Svg = Annotated[
    Path | None,
    typer.Option("--svg", hidden=True, help="Also save the output as an SVG file."),
]


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    name: Annotated[str, typer.Argument(metavar="tires|iris|bikes")] = "tires",
    data: Data = None,
    folder: Folder = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed.")] = 0,
    full: Full = False,
    svg: Svg = None,
    json: Json = False,
) -> None:
    """Version data, train, serve, detect drift in the traffic, retrain, promote: in a new folder.

    The exit status is 1 if a criterion of the demo is not met.
    """
    from retread.demos import DemoOptions, run_demo
    from retread.demos.results_view import results_view

    options = DemoOptions(data=data, folder=folder, seed=seed, full=full, svg=svg)
    results = run_demo(name, options, sys.stderr if json else sys.stdout)
    emit(results, as_json=json, text=results_view(results))
    if not results.closed:
        raise typer.Exit(1)
