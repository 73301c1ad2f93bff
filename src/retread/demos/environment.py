"""Set up what a demo runs in: a new project, its processes, and a fake Slack."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from retread.app import Workspace
from retread.app.projects import new_project
from retread.demos.event_reporter import EventReporter
from retread.demos.fake_slack import FakeSlack
from retread.demos.reporter import Reporter
from retread.demos.services import Services
from retread.project import SETTINGS_FILE, LoadedProject, open_project

Values = Mapping[str, Mapping[str, object]]
"""Settings by section and key."""

FREE_PORTS = {
    "RETREAD__SERVING__PORT": "0",
    "RETREAD__PROJECT__CONTROL_PORT": "0",
    "RETREAD__PROJECT__TRACKING_PORT": "0",
}
"""For the demo's own processes, so that several demos can run; retread.toml keeps its ports."""


@dataclass(frozen=True, slots=True)
class DemoEnvironment:
    """A demo's project in `folder`, its processes, and who hears of its events.

    `events` reports the ledger; `slack` keeps the messages that Slack would have received;
    `variables` are the environment variables of the processes.
    """

    folder: Path
    workspace: Workspace
    services: Services
    slack: FakeSlack
    reporter: Reporter
    events: EventReporter
    variables: Mapping[str, str]


@contextmanager
def demo_environment(
    folder: Path,
    template: str,
    values: Values,
    reporter: Reporter,
    services: Sequence[str],
    make_workspace: Callable[[LoadedProject], Workspace] = Workspace,
) -> Iterator[DemoEnvironment]:
    """Make a project for the duration of a `with` block; its processes end with the block.

    Args:
        folder: Where the project is made; new or empty.
        template: The template of the project, as in `retread init --template`.
        values: Settings that differ from the template.
        reporter: Where the demo reports to.
        services: Names of the services that the demo may start.
        make_workspace: Makes the workspace of the opened project.

    Raises:
        Conflict: The folder is not empty.
    """
    make_project(folder, template, values)
    with FakeSlack() as slack:
        variables = _variables(slack.address)
        project = open_project(folder, variables)
        workspace = make_workspace(project)
        with Services(project, services, variables) as processes:
            yield DemoEnvironment(
                folder=folder,
                workspace=workspace,
                services=processes,
                slack=slack,
                reporter=reporter,
                events=EventReporter(workspace.ledger, reporter),
                variables=variables,
            )


def unused_folder(parent: Path, name: str) -> Path:
    """Return `parent/name`, or the first of `name-2`, `name-3`, ... that does not exist."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(parent / n for n in names if not (parent / n).exists())


def make_project(folder: Path, template: str, values: Values) -> None:
    """Make a project as `retread init` does, with some settings changed in its file.

    Raises:
        Conflict: The folder is not empty.
    """
    new_project(folder, template)
    settings = folder / SETTINGS_FILE
    settings.write_text(with_values(settings.read_text("utf-8"), values), "utf-8")


def with_values(toml: str, values: Values) -> str:
    """Return `toml` with these values added or replaced.

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
    for index in range(start, end):
        if lines[index].partition("=")[0].strip() == key:
            lines[index] = line
            return
    lines.insert(start, line)


def _variables(slack_address: str) -> dict[str, str]:
    """Our environment variables, without those that would change the project or its webhooks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RETREAD_")}
    return {**kept, **FREE_PORTS, "RETREAD_SLACK_WEBHOOK": slack_address}
