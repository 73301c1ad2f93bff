"""The loop of a workspace: adapters of the loop's ports, and the loop wired to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from retread.app.canary import LoopCanary
from retread.app.datasets import add_data, add_request
from retread.app.gate import judge_version
from retread.app.supervisor import addresses_of, health_file, running_status
from retread.core import digest_json
from retread.data import ID, DatasetVersion, add_rows, heads_of
from retread.loop import LoopPorts, MessageContext, WaitPoint
from retread.loop.labelled_traffic import LabelledTraffic, fits, row_id, rows_of
from retread.loop.loop import Loop
from retread.loop.messages import ServiceFailure
from retread.notify import Notifier, configured_notifiers
from retread.project import LoadedProject, Settings
from retread.registry.events import TriggerReceived
from retread.training import Overrides, plan_runs, recipe_named, train_scenario
from retread.training.request import TrainingOutcome, TrainingRequest

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


def loop_of(workspace: Workspace, environment: Mapping[str, str]) -> Loop:
    """Return the loop of a project.

    Args:
        workspace: The project's workspace.
        environment: Holds the addresses of notifiers, and of the servers that `up` started.
    """
    notifiers = configured_notifiers(workspace.project, environment)
    context = message_context(workspace.settings, environment)
    ports = loop_ports(workspace, notifiers, context)
    return Loop(
        ports,
        workspace.monitor,
        notifiers,
        workspace.project.workflows_url,
        health_file(workspace.project.home),
        failed_services=lambda: failed_services(workspace.project),
    )


def failed_services(project: LoadedProject) -> tuple[ServiceFailure, ...]:
    """Return the services that ended since `retread up`, or do not respond.

    One that ends again and again is told of at its 1st, 2nd, 4th, 8th, ... restart.
    """
    status = running_status(project.home)
    failures = []
    for service in status.services if status else ():
        restarts = service.restarts
        key = f"service/{service.name}/{status.since:%Y%m%dT%H%M%S}" if status else ""
        log = str(project.logs / f"{service.name}.log")
        if restarts and restarts & (restarts - 1) == 0:
            times = "once" if restarts == 1 else f"{restarts} times"
            problem = f"ended and was restarted {times} since `retread up`"
            failures.append(
                ServiceFailure(f"{key}/{restarts}", service.name, problem, service.last_lines, log)
            )
        if service.missed_probes:
            problem = service.problem or ""
            failures.append(
                ServiceFailure(f"{key}/{restarts}/probe", service.name, problem, (), log)
            )
    return tuple(failures)


def message_context(settings: Settings, environment: Mapping[str, str]) -> MessageContext:
    """Return what every message of the loop names: the project, and where its pages are."""
    control = addresses_of(settings, environment).control
    public = settings.project.public_url.rstrip("/")
    return MessageContext(
        project=settings.project.name, control=public or control, zone=settings.project.zone
    )


def loop_ports(
    workspace: Workspace, notifiers: Mapping[str, Notifier], context: MessageContext
) -> LoopPorts:
    """Wire the ports of the loop to the parts of a workspace."""
    wait_point = WaitPoint()
    training = LoopTraining(workspace, wait_point)
    return LoopPorts(
        settings=workspace.settings,
        clock=workspace.clock,
        ledger=workspace.ledger,
        message_context=context,
        outbox=workspace.outbox(sorted(notifiers)),
        data=LoopData(workspace),
        training=training,
        registry=workspace.registry,
        promoter=workspace.promoter,
        judge=partial(judge_version, workspace),
        canary=LoopCanary(workspace),
        wait_point=wait_point,
        model_types=training.model_types,
    )


class LoopData:
    """The loop's `DataPort`: dataset versions, labelled traffic and the watched source."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._dataset = workspace.settings.data.dataset
        self._traffic = LabelledTraffic(workspace.traffic, workspace.labels)
        self._ids: dict[str, frozenset[str]] = {}

    def latest(self) -> DatasetVersion:
        """Return the latest released version."""
        return self._workspace.datasets.version(self._dataset)

    def labelled(self) -> int:
        """Count the labelled predictions that are not in the data yet."""
        return len(self._new_labels())

    def collect(self, source: str, at_least: int) -> DatasetVersion | None:
        """Add labelled predictions as one version, once per `source`; None if they are too few."""
        work = self._workspace
        for version in work.datasets.versions(self._dataset):
            if version.source == source:
                return version
        labels = self._new_labels()
        if len(labels) < at_least:
            return None
        records = list(self._traffic.records(labels.__contains__))
        rows = rows_of(records, labels, self._base().schema, work.traffic)
        if rows.num_rows == 0:
            return None
        added = add_rows(
            work.datasets,
            self._dataset,
            rows,
            source=source,
            note=f"{rows.num_rows} labelled predictions",
            settings=work.settings.data,
            clock=work.clock,
        )
        return added if added.source == source else None

    def fingerprint(self) -> str | None:
        """Return a digest that changes when the content of [data] source may have changed."""
        source = self._workspace.settings.data.source
        if not source:
            return None
        return digest_json(sorted(_files(self._workspace.project.root / source)))

    def add_source(self) -> DatasetVersion:
        """Add the content of [data] source as a version."""
        # A snapshot: rows that left the source leave the data, but rows from traffic stay.
        return add_data(
            self._workspace, add_request(self._workspace, self._dataset, keep=row_id(""))
        )

    def _base(self) -> DatasetVersion:
        """Return the version that labelled traffic is added to."""
        return heads_of(self._workspace.datasets, self._dataset).base

    def _new_labels(self) -> dict[str, str]:
        """Return the labels, by request id, that are in no version, quarantined ones included.

        Rows in quarantine await a person's decision: added again, they would send every later
        version to quarantine as well.
        """
        base = self._base()
        versions = self._workspace.datasets.versions(self._dataset)
        quarantined = [version for version in versions if version.is_quarantined]
        used = frozenset().union(*map(self._ids_of, (base, *quarantined)))
        return {
            request_id: label
            for request_id, label in self._traffic.labelled().items()
            if row_id(request_id) not in used and fits(label, base.schema)
        }

    def _ids_of(self, version: DatasetVersion) -> frozenset[str]:
        if version.digest not in self._ids:
            rows = self._workspace.datasets.read(version, columns=[ID])
            self._ids[version.digest] = frozenset(rows[ID].to_pylist())
        return self._ids[version.digest]


class LoopTraining:
    """The loop's `TrainingPort`: runs in processes of their own, interrupted when it stops."""

    def __init__(self, workspace: Workspace, wait_point: WaitPoint) -> None:
        self._settings = workspace.settings
        self._compute = workspace.compute
        self._wait_point = wait_point

    def plan(self, trigger: TriggerReceived, version: DatasetVersion) -> Sequence[TrainingRequest]:
        """Plan the runs of a retraining."""
        overrides = Overrides(
            scenario=trigger.scenario or None, model_type=trigger.model_type or None
        )
        return plan_runs(self._settings, overrides, trigger.cause, version, trigger.trigger)

    def train(self, requests: Sequence[TrainingRequest]) -> Sequence[TrainingOutcome]:
        """Run all of them, several at a time."""
        at_once = self._settings.compute.parallel_runs
        return train_scenario(self._compute, requests, at_once, lambda _: self._wait_point.check())

    def model_types(self) -> Sequence[str]:
        """List the model types of the project's recipe."""
        return recipe_named(self._settings.recipe.kind).model_types()


def _files(source: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and time of every file: enough to notice that something may have changed."""
    if source.is_file():
        status = source.stat()
        yield source.name, status.st_size, status.st_mtime_ns
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            yield str(path.relative_to(source)), status.st_size, status.st_mtime_ns
