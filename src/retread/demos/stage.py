"""Everything a demo plays on: a fresh project, its real processes, and who is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from retread.app import Workspace
from retread.demos.narrator import Narrator
from retread.demos.services import Services
from retread.demos.slack_stand_in import SlackStandIn
from retread.demos.story import Story
from retread.demos.template import FREE_PORTS, Values, make_project
from retread.project import LoadedProject, open_project

MakeSpace = Callable[[LoadedProject], Workspace]


@dataclass(frozen=True, slots=True)
class Stage:
    """`narrator` tells of the ledger, `slack` keeps the messages that would have gone out."""

    folder: Path
    space: Workspace
    services: Services
    slack: SlackStandIn
    story: Story
    narrator: Narrator
    environment: Mapping[str, str]


@contextmanager
def set_stage(
    folder: Path,
    template: str,
    values: Values,
    story: Story,
    processes: Sequence[str],
    make_space: MakeSpace = Workspace,
) -> Iterator[Stage]:
    """A project from `template` in the new `folder`; its processes end with the block."""
    make_project(folder, template, values)
    with SlackStandIn() as slack:
        environment = _environment(slack.address)
        project = open_project(folder, environment)
        space = make_space(project)
        with Services(project, processes, environment) as services:
            yield Stage(
                folder=folder,
                space=space,
                services=services,
                slack=slack,
                story=story,
                narrator=Narrator(space.ledger, story),
                environment=environment,
            )


def _environment(slack: str) -> dict[str, str]:
    """Ours, without what would change the project or tell strangers about it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RETREAD_")}
    return {**kept, **FREE_PORTS, "RETREAD_SLACK_WEBHOOK": slack}
