"""`retread init`: create a project."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from retread.cli.options import Json, WrongUsage
from retread.cli.output import emit

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="A new or empty folder.")]
Template = Annotated[
    str, typer.Option("--template", help="tires, iris, bikes or blank. Default: blank.")
]
Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Write the settings for this table or folder."),
]
Target = Annotated[
    str, typer.Option("--target", metavar="COLUMN", help="Column to predict. Default: guessed.")
]


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    path: Folder,
    template: Template = "",
    source: Source = None,
    target: Target = "",
    as_json: Json = False,
) -> None:
    """Create a project from a template, or for data that you have.

    It has settings, a README, a CI workflow, and example data if the template has any. With
    --from, the settings are written by looking at the data, each with its reason.
    """
    from retread.app.init_from import project_from_source
    from retread.app.projects import new_project

    if source is None and target:
        raise WrongUsage("--target needs --from.", "Add: --from FILE")
    if source is not None and template:
        raise WrongUsage("--from and --template cannot be combined.", "Give one of them.")
    template = template or "blank"
    if source is None:
        files = new_project(path, template)
        origin = f"from the template {template}"
    else:
        files = project_from_source(path, source, target)
        origin = f"for {source}"
    text = [f"Created {path} {origin}:", *(f"  {name}" for name in files), *_next(path)]
    value = {
        "project": str(path),
        "template": None if source else template,
        "source": str(source) if source else None,
        "files": files,
    }
    emit(value, as_json=as_json, text="\n".join(text))


def _next(path: Path) -> list[str]:
    """Say what to do next: which commands, or what is missing before them."""
    from retread.project import open_project

    data = open_project(path, {}).settings.data
    commands = [] if path.resolve() == Path.cwd() else [f"  cd {shlex.quote(str(path))}"]
    if data.source and (path / data.source).exists():
        commands += [f"  retread data add {data.dataset}", "  retread train"]
        return ["Next:", *commands, "retread.toml says what is used, and README.md what follows."]
    return ["Next:", *commands, f"  Put your data at {data.source}, as README.md says."]
