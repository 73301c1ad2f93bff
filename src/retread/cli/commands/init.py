"""`retread init`: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import Json
from retread.cli.output import emit

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A new or an empty folder.")]
Template = Annotated[str, typer.Option("--template", help="tires, iris, bikes or blank.")]


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(path: Folder, template: Template = "blank", as_json: Json = False) -> None:
    """Make a project: retread.toml, example data or how to get it, a CI file, a README."""
    from retread.app.new_project import new_project

    files = new_project(path, template)
    text = [f"Made {path} from the template {template}:", *(f"  {name}" for name in files)]
    text.append(f"Next: cd {path}, and read README.md.")
    value = {"project": str(path), "template": template, "files": files}
    emit(value, as_json=as_json, text="\n".join(text))
