"""The results of a demo, as one value."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from retread.app.supervisor.service import services_of
from retread.demos.criteria import Criterion, all_met
from retread.demos.environment import DemoEnvironment
from retread.project import open_project
from retread.registry import RegistryState

_PAGES = {
    "control": ("", "status page: what serves, what happened, and why"),
    "tracking": ("", "MLflow: every run with its parameters and epochs"),
    "serving": ("/v2/models/{model}", "the model that serves: version, inputs and labels"),
}


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model version; `metrics` are those on its frozen evaluation split."""

    version: int
    model_type: str
    data: str
    stage: str
    cause: str
    metrics: dict[str, float]


class TrafficRow(msgspec.Struct, frozen=True, kw_only=True):
    """The mean score of a model on one kind of traffic, over `predictions` predictions."""

    traffic: str
    model: str
    mean: float
    predictions: int


class DemoResults(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a demo showed.

    Attributes:
        closed: Whether every criterion is met.
        caveat: What the metrics of the versions do not show.
        metric: The metric of the rows of `traffic`.
        measures: The demo's own numbers, by name.
        messages: The headlines that Slack received.
        up: The command that starts the project again, after which the `links` open.
        links: Addresses, each with what is there.
        commands: What to try next, each with what it shows.
    """

    demo: str
    folder: str
    closed: bool
    seconds: float
    criteria: tuple[Criterion, ...]
    versions: tuple[VersionRow, ...]
    caveat: str
    metric: str
    traffic: tuple[TrafficRow, ...]
    measures: dict[str, float]
    messages: tuple[str, ...]
    up: str
    links: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


def demo_results(
    demo: DemoEnvironment,
    *,
    name: str,
    criteria: tuple[Criterion, ...],
    caveat: str,
    metric: str,
    traffic: tuple[TrafficRow, ...],
    last_request_id: str | None,
    measures: Mapping[str, float] | None = None,
) -> DemoResults:
    """Return the results of a demo, from its criteria and what is the same for all demos."""
    state = demo.workspace.registry.state()
    return DemoResults(
        demo=name,
        folder=str(demo.folder),
        closed=all_met(criteria),
        seconds=demo.reporter.seconds,
        criteria=criteria,
        versions=version_rows(state),
        caveat=caveat,
        metric=metric,
        traffic=traffic,
        measures=dict(measures or {}),
        messages=demo.slack.headlines,
        up=up_command(demo.folder),
        links=links(demo.folder),
        commands=next_commands(
            str(demo.folder), last_request_id, can_roll_back=len(state.served) > 1
        ),
    )


def version_rows(state: RegistryState) -> tuple[VersionRow, ...]:
    """Return a row for each model version."""
    return tuple(
        VersionRow(
            version=version.version,
            model_type=version.model_type,
            data=f"{version.dataset}@{version.dataset_version}",
            stage=version.stage.value,
            cause=version.cause.kind.value,
            metrics=version.metrics,
        )
        for version in state.versions.values()
    )


def up_command(folder: Path) -> str:
    """Return the command that starts the project again, as typed where the demo was started."""
    here = Path.cwd()
    path = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return f"retread up --detach --project {shlex.quote(str(path))}"


def links(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the addresses of the project's services, as `retread up` will start them.

    The demo's own processes use free ports; the project keeps those of its settings.
    """
    project = open_project(folder, os.environ)
    services = {service.name: service for service in services_of(project)}
    model = project.settings.project.name
    return tuple(
        (f"{services[name].address}{path.format(model=model)}", what)
        for name, (path, what) in _PAGES.items()
    )


def next_commands(
    folder: str, request_id: str | None, *, can_roll_back: bool
) -> tuple[tuple[str, str], ...]:
    """Return what to try next, each with what it shows."""
    commands = [
        (f"cd {folder}", "the project: settings, data, every event and every bundle"),
        ("retread history", "every event, in order"),
        (f"retread lineage {request_id}", "where the last prediction comes from"),
        ("retread audit verify", "check that ledger, bundles and dataset versions are unaltered"),
    ]
    if can_roll_back:
        commands.append(("retread rollback", "return to the previous model within a second"))
    return tuple(commands)
