"""A project, its data and its monitor."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast, get_type_hints, overload

from retread.api.arguments import absolute_time, path_of, storage_errors
from retread.api.sequences import DatasetVersions, History
from retread.api.versions import Run, Runs, Version
from retread.app import Workspace
from retread.core import NotFound, UnknownOption, checked_type
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.project import find_home, open_project

if TYPE_CHECKING:
    from retread.app.lineage import Provenance
    from retread.app.supervisor import SupervisorStatus
    from retread.data import DatasetVersion
    from retread.monitoring import MonitorReport
    from retread.registry import Promotion, RegistryState
    from retread.serving.client import ServingClient
    from retread.training import EpochCallback


def open(path: str | Path = ".", model: str | None = None) -> Project:
    """Open the project of a folder.

    Args:
        path: The project's folder, or any folder below it; `~` is the user's home folder.
        model: Name of the model. A project has one model; another name is refused.

    Raises:
        NotFound: There is no `retread.toml` in `path` or above it, or no such model.
        InvalidSettings: `retread.toml` has mistakes; the message names all of them.
        InvalidInput: `path` is no valid path.
        StorageFailed: The folder cannot be read.
    """
    from retread.app.projects import known_names

    folder = path_of("path", path)
    checked_type("model", model, str, NoneType)
    with storage_errors(folder):
        project = Project(Workspace(open_project(folder, os.environ, known_names())))
    if model not in (None, project.name):
        raise NotFound(
            f"The project in {project.root} has no model {model!r}; its model is {project.name!r}.",
            "Open it without a model, or with that name.",
        )
    return project


def init(path: str | Path, template: str = "blank") -> Project:
    """Create a project from a template and open it.

    Args:
        path: A new or an empty folder; `~` is the user's home folder.
        template: `tires`, `iris`, `bikes` or `blank`.

    Raises:
        UnknownOption: There is no such template.
        Conflict: The folder is not empty.
        InvalidInput: `path` is no valid path.
        StorageFailed: The folder cannot be written to.
    """
    from retread.app.projects import new_project

    folder = path_of("path", path)
    checked_type("template", template, str)
    with storage_errors(folder):
        new_project(folder, template)
    return open(folder)


class TrainingOptions(TypedDict, total=False):
    """What a training may set differently from `[training]`."""

    model_type: str
    optimizer_type: str
    epochs: int
    learning_rate: float
    batch_size: int
    sample: float
    seed: int


class Project(ShowsAsTable):
    """A project: a folder with `retread.toml`, its data, models, servers and history.

    Attributes:
        data: Its dataset versions.
        monitor: Drift and performance of the version in production.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.data = Datasets(workspace)
        self.monitor = Monitoring(workspace)

    def __repr__(self) -> str:
        return f"<Project {self.name!r} in {self.root}>"

    def as_table(self) -> ShownTable:
        """Return the model versions, as print() and a notebook show the project."""
        rows = [row for version in self.versions for row in version.as_table().rows]
        return ShownTable(f"Project {self.name}: model versions", Version.COLUMNS, rows)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._workspace.settings.project.name

    @property
    def root(self) -> Path:
        """The folder that holds `retread.toml`."""
        return self._workspace.project.root

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every registered model version, oldest first."""
        numbers = sorted(self._workspace.registry.state().versions)
        return tuple(Version(self._workspace, number) for number in numbers)

    @property
    def production(self) -> Version | None:
        """The version in production; None before the first promotion."""
        number = self._workspace.registry.state().production
        return Version(self._workspace, number) if number else None

    def version(self, number: int) -> Version:
        """Return one model version.

        Raises:
            NotFound: There is no version with that number.
        """
        checked_type("number", number, int)
        return Version(self._workspace, self._workspace.registry.state().version(number).version)

    def train(
        self,
        scenario: str | None = None,
        *,
        dataset: str | None = None,
        dataset_version: int | None = None,
        on_epoch: EpochCallback | None = None,
        **options: Unpack[TrainingOptions],
    ) -> Runs:
        """Train one run or the runs of a scenario, and register those that met the threshold.

        Args:
            scenario: A `[training.scenarios.NAME]`; an empty string for a single run.
            dataset: Name of the dataset; default `[data] dataset`.
            dataset_version: Its number; default the latest that is not in quarantine.
            on_epoch: Called after each epoch of each run.
            options: What differs from `[training]`: `model_type`, `optimizer_type`, `epochs`,
                `learning_rate`, `batch_size`, `sample`, `seed`.

        Returns:
            The runs, in the order of the scenario.

        Raises:
            NotFound: There is no such dataset version.
            UnknownOption: There is no such option, scenario, model type or optimizer.
            InvalidInput: An option is out of range or does not apply to the recipe.
        """
        from retread.app.training import plan_training, train_and_register
        from retread.training import Overrides

        checked_type("scenario", scenario, str, NoneType)
        checked_type("dataset", dataset, str, NoneType)
        dataset_version = checked_type("dataset_version", dataset_version, int, NoneType)
        checked_type("on_epoch", on_epoch, Callable, NoneType)
        overrides = Overrides(scenario=scenario, **_checked_options(options))
        requests = plan_training(
            self._workspace, overrides, dataset, dataset_version, cause="Python"
        )
        trained = train_and_register(self._workspace, requests, on_epoch or (lambda _: None))
        return Runs(tuple(Run(self._workspace, run) for run in trained))

    def rollback(self, to: int | None = None, reason: str = "") -> Promotion:
        """Return production to an earlier version, without a gate.

        Args:
            to: The version; default the one in production before.
            reason: Recorded in the ledger.

        Raises:
            Refused: There is no such earlier production version, or a server could not load it.
        """
        checked_type("reason", reason, str)
        to = checked_type("to", to, int, NoneType)
        return self._workspace.promoter.rollback(to, reason=reason)

    @overload
    def history(self) -> History: ...

    @overload
    def history(self, at: datetime) -> RegistryState: ...

    def history(self, at: datetime | None = None) -> History | RegistryState:
        """Return every recorded event, or what was registered and served at a time.

        Args:
            at: The time, with a zone; without one it is in the zone of [project] timezone.

        Raises:
            InvalidInput: `at` is no datetime.
        """
        from retread.registry import state_at

        zone = self._workspace.settings.project.zone
        time = absolute_time("at", at, zone)
        entries = self._workspace.ledger.read()
        return History(entries, zone) if time is None else state_at(entries, time)

    def lineage(self, subject: str | int) -> Provenance:
        """Trace a prediction or a model version back to data, code, cause and verdict.

        Args:
            subject: The id of a request, or the number of a model version.

        Raises:
            NotFound: There is no such request or version.
        """
        from retread.app.lineage import trace

        return trace(self._workspace, checked_type("subject", subject, int, str))

    def client(self, *, timeout_s: float = 60.0) -> ServingClient:
        """Return a client of the project's running server; use it as a context manager.

        Args:
            timeout_s: Longest time to wait for an answer.

        Raises:
            Unavailable: From its methods, while no server runs.
        """
        from retread.app.supervisor import serving_address
        from retread.serving.client import ServingClient

        timeout_s = checked_type("timeout_s", timeout_s, float)
        address = serving_address(self._workspace.project)
        return ServingClient(address, self.name, timeout_s=timeout_s)

    def up(self) -> SupervisorStatus:
        """Start tracking, serving, the control API and the loop, unless they run already.

        Raises:
            Refused: A port is in use.
            Unavailable: A service did not become ready; its last lines are in the message.
        """
        from retread.app.supervisor import bring_up, running_status, services_of

        project = self._workspace.project
        return running_status(project.home) or bring_up(project, services_of(project))

    def down(self) -> None:
        """Stop everything that `up` started; nothing happens if nothing runs."""
        from retread.app.supervisor import take_down

        take_down(find_home(self.root, os.environ))


def _checked_options(options: TrainingOptions) -> TrainingOptions:
    kinds = get_type_hints(TrainingOptions)
    for name in options:
        if name not in kinds:
            known = ("scenario", "dataset", "dataset_version", "on_epoch", *kinds)
            raise UnknownOption("option of train", name, known)
    checked: dict[str, Any] = {
        name: checked_type(name, value, kinds[name], NoneType) for name, value in options.items()
    }
    return cast(TrainingOptions, checked)


class Datasets(ShowsAsTable):
    """The dataset versions of a project."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def as_table(self) -> ShownTable:
        """Return every version of every dataset, as print() and a notebook show them."""
        store = self._workspace.datasets
        found = (version for name in store.datasets() for version in store.versions(name))
        return DatasetVersions(found).as_table()

    def add(
        self,
        source: str | Path | None = None,
        *,
        name: str | None = None,
        labels: str = "",
        note: str = "",
        append: bool = False,
    ) -> DatasetVersion:
        """Add a version of a dataset, checked and split; the same content adds none.

        Args:
            source: A folder or file, relative to the project; default `[data] source`. `~` is the
                user's home folder.
            name: Name of the dataset; default `[data] dataset`.
            labels: `folder`, a label file, or a column; default `[data] labels`.
            note: Text stored with the version.
            append: Keep the rows of the latest released version.

        Returns:
            The version. If a check failed it is in quarantine, and `failed_checks` say why.

        Raises:
            InvalidInput: The source cannot be read as examples.
        """
        from retread.app.datasets import add_data, add_request

        workspace = self._workspace
        checked_type("labels", labels, str)
        checked_type("note", note, str)
        checked_type("append", append, bool)
        folder = workspace.project.root
        given = None if source is None else folder / path_of("source", source)
        request = add_request(
            workspace, self._named(name), given, labels=labels, note=note, append=append
        )
        with storage_errors(request.source):
            return add_data(workspace, request)

    def version(self, number: int | None = None, *, name: str | None = None) -> DatasetVersion:
        """Return a version; by default the latest that is not in quarantine.

        Raises:
            NotFound: There is no such version.
        """
        number = checked_type("number", number, int, NoneType)
        return self._workspace.datasets.version(self._named(name), number)

    def versions(self, *, name: str | None = None) -> DatasetVersions:
        """Return every version of a dataset, oldest first."""
        return DatasetVersions(self._workspace.datasets.versions(self._named(name)))

    def release(self, number: int, *, name: str | None = None, reason: str = "") -> DatasetVersion:
        """Release a version from quarantine.

        Raises:
            NotFound: There is no such version.
            InvalidInput: There is no reason.
            Conflict: It is released already.
        """
        from retread.app.datasets import release_data

        number = checked_type("number", number, int)
        checked_type("reason", reason, str)
        return release_data(self._workspace, self._named(name), number, reason)

    def _named(self, name: str | None) -> str:
        checked_type("name", name, str, NoneType)
        return self._workspace.settings.data.dataset if name is None else name


class Monitoring(ShowsAsTable):
    """Drift and performance of the version in production."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def as_table(self) -> ShownTable:
        """Return the report, as print() and a notebook show it."""
        return self.report().as_table()

    def report(self) -> MonitorReport:
        """Return evidence and size of drift per stream, performance on labels, and past alarms."""
        return self._workspace.monitor.report()
