"""Where a demo happens: a folder, and a project made from a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from retread.app.projects import new_project
from retread.project import SETTINGS_FILE

Values = Mapping[str, Mapping[str, object]]
"""Settings by section and key."""

FREE_PORTS = {
    "RETREAD__SERVING__PORT": "0",
    "RETREAD__PROJECT__CONTROL_PORT": "0",
    "RETREAD__PROJECT__TRACKING_PORT": "0",
}
"""For the demo's own processes, so that it runs beside anything; retread.toml keeps its ports."""


def fresh_folder(here: Path, name: str) -> Path:
    """`here/name`, or the first of `name-2`, `name-3`, ... that does not exist."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(here / n for n in names if not (here / n).exists())


def make_project(folder: Path, template: str, values: Values) -> None:
    """A project like that of `retread init`, with some settings changed in its file."""
    new_project(folder, template)
    settings = folder / SETTINGS_FILE
    settings.write_text(with_values(settings.read_text("utf-8"), values), "utf-8")


def with_values(toml: str, values: Values) -> str:
    """`toml` with these values, in place of those it has.

    >>> print(with_values('[gate]\\nmargin = 0.1 # why', {"gate": {"margin": 0.2}}))
    [gate]
    margin = 0.2
    """
    lines = toml.splitlines()
    for section, settings in values.items():
        for key, value in settings.items():
            _set(lines, section, key, f"{key} = {json.dumps(value)}")
    return "\n".join(lines)


def _set(lines: list[str], section: str, key: str, line: str) -> None:
    header = f"[{section}]"
    if header not in lines:
        lines += ["", header]
    start = lines.index(header) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("[")), len(lines))
    for place in range(start, end):
        if lines[place].partition("=")[0].strip() == key:
            lines[place] = line
            return
    lines.insert(start, line)
