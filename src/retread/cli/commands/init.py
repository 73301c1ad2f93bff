"""`retread init`: create a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import Json
from retread.cli.output import emit

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A new or empty folder.")]
Template = Annotated[str, typer.Option("--template", help="tires, iris, bikes or blank.")]


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(path: Folder, template: Template = "blank", as_json: Json = False) -> None:
    """Create a project from a template.

    It has settings, a README, a CI workflow, and example data if the template has any.
    """
    from retread.app.projects import new_project

    files = new_project(path, template)
    text = [f"Created {path} from the template {template}:", *(f"  {name}" for name in files)]
    text.append(f"Next: cd {path}, and read README.md.")
    value = {"project": str(path), "template": template, "files": files}
    emit(value, as_json=as_json, text="\n".join(text))
