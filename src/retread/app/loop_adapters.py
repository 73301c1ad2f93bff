"""The loop of a workspace: adapters of the loop's ports, and the loop wired to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from retread.app.datasets import add_data, add_request
from retread.app.gate import judge_version
from retread.app.supervisor import addresses_of
from retread.bundle import REFERENCE, decode_reference
from retread.core import digest_json
from retread.data import ID, DatasetVersion, add_rows, heads_of
from retread.loop import LoopPorts, MessageContext, WaitPoint
from retread.loop.canary import (
    ComparedVersions,
    PairedEvidence,
    compared_versions,
    gather,
    no_evidence,
)
from retread.loop.labelled_traffic import LabelledTraffic, fits, row_id, rows_of
from retread.loop.loop import Loop
from retread.monitoring import reference_streams
from retread.notify import Notifier, configured_notifiers
from retread.project import Settings
from retread.registry.events import TriggerReceived
from retread.serving.traffic import Cursor
from retread.training import Overrides, plan_runs, recipe_named, train_scenario
from retread.training.request import TrainingOutcome, TrainingRequest

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

_RECORDS_PER_READ = 1_000


def loop_of(workspace: Workspace, environment: Mapping[str, str]) -> Loop:
    """Return the loop of a project.

    Args:
        workspace: The project's workspace.
        environment: Holds the addresses of notifiers, and of the servers that `up` started.
    """
    notifiers = configured_notifiers(workspace.project, environment)
    context = message_context(workspace.settings, environment)
    ports = loop_ports(workspace, notifiers, context)
    return Loop(ports, workspace.monitor, notifiers, workspace.project.workflows_url)


def message_context(settings: Settings, environment: Mapping[str, str]) -> MessageContext:
    """Return what every message of the loop names: the project, and where its pages are."""
    addresses = addresses_of(settings, environment)
    return MessageContext(
        project=settings.project.name, control=addresses.control, tracking=addresses.tracking
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


class LoopCanary:
    """The loop's `CanaryPort`: paired evidence from recorded traffic and delayed labels."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # A bundle never changes, and the canary's evidence is gathered every second.
        self._compared = lru_cache(maxsize=4)(self._read_compared)

    def begin(self, version: int, production: int, start: Cursor) -> PairedEvidence:
        """Return empty evidence, for the traffic that is recorded after `start`."""
        compared = self._compared(version, production)
        return no_evidence(self._workspace.settings.canary, compared, start)

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        """Add what was recorded and labelled since."""
        work = self._workspace
        compared = self._compared(version, production)
        return gather(evidence, work.traffic, work.labels, compared, work.settings.canary)

    def end_of_traffic(self) -> Cursor:
        """Return the position after everything that is recorded now."""
        cursor = Cursor()
        while True:
            records, cursor = self._workspace.traffic.read(cursor, _RECORDS_PER_READ)
            if not records:
                return cursor

    def _read_compared(self, version: int, production: int) -> ComparedVersions:
        bundles = self._workspace.bundles
        bundle = self._workspace.registry.state().version(version).bundle
        reference = reference_streams(decode_reference(bundles.read(bundle, REFERENCE)))
        return compared_versions(bundles.manifest(bundle), reference, version, production)


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
