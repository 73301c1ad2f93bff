"""What can be opened of the project that a demo leaves behind, once it is up again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from retread.app.supervisor import services_of
from retread.project import open_project

_WHAT = {
    "control": ("", "status: what serves, what happened, and why"),
    "tracking": ("", "MLflow: every run with its parameters and epochs"),
    "serving": ("/v2/models/{model}", "the model that serves: its version, inputs and labels"),
}


def bring_up(folder: Path) -> str:
    """The one command after which `links` lead somewhere, typed where the demo was."""
    here = Path.cwd()
    place = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return f"retread up --detach --project {shlex.quote(str(place))}"


def links(folder: Path) -> tuple[tuple[str, str], ...]:
    """Addresses and what is there, as whoever types the command will have them.

    While a demo plays, its processes are on free ports; the project keeps those of its settings.
    """
    project = open_project(folder, os.environ)
    services = {service.name: service for service in services_of(project)}
    model = project.settings.project.name
    return tuple(
        (f"{services[name].address}{path.format(model=model)}", what)
        for name, (path, what) in _WHAT.items()
    )
