"""`retread settings`: show and document the settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retread.cli.options import HERE, Json, ProjectPath, checked_project
from retread.cli.output import emit, errors

if TYPE_CHECKING:
    from retread.project import LoadedProject
    from retread.project.describe import ChangedSetting

Key = Annotated[str, typer.Argument(metavar="KEY", help="One setting, such as gate.metric.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Settings of retread.toml, and their current values.")
    for command in (show, schema, docs):
        group.command()(command)
    app.add_typer(group, name="settings")


def show(key: Key = "", project: ProjectPath = HERE, as_json: Json = False) -> None:
    """Show the current settings: retread.toml, environment variables and defaults combined.

    What was changed since `retread up` started is named as not in use.
    """
    from retread.project.describe import setting
    from retread.project.toml_text import as_toml, as_value

    opened = checked_project(project)
    settings, pending = opened.settings, _not_in_use(opened, key)
    if key:
        value: Any = setting(settings, key)
        shown = as_toml(value, key) if isinstance(value, dict) else as_value(value)
        emit(value, as_json=as_json, text=value if isinstance(value, str) else shown)
    else:
        value = settings.model_dump(mode="json")
        emit(value, as_json=as_json, text=as_toml(value))
    for changed in pending:
        errors.print(f"Note: {changed.text}")


def _not_in_use(project: LoadedProject, key: str) -> list[ChangedSetting]:
    from retread.app.overview import settings_not_in_use
    from retread.app.supervisor import running_status

    changed = settings_not_in_use(project, running_status(project.home))
    return [one for one in changed if f"{one.key}.".startswith(f"{key}." if key else "")]


def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of retread.toml, for editors."""
    from retread.project.describe import settings_schema

    value = settings_schema()
    emit(value, as_json=as_json, text=json.dumps(value, indent=2))


def docs(as_json: Json = False) -> None:
    """Print every setting with its type, default and meaning, in Markdown."""
    from retread.project.describe import settings_markdown

    text = settings_markdown()
    emit({"markdown": text}, as_json=as_json, text=text.rstrip())
