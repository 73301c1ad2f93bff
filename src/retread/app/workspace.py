"""The composition root: creates each adapter from the settings, once, on first use."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from retread.core import Clock, Database, SystemClock, add_to_import_path
from retread.core.database import file_of
from retread.project import LoadedProject

if TYPE_CHECKING:
    from retread.bundle import BundleStore
    from retread.data import DatasetStore
    from retread.loop import Outbox
    from retread.monitoring import Monitor
    from retread.registry import AliasMirror, Ledger, Promoter, Registry, ServerDirectory
    from retread.serving import LabelStore, TrafficLog
    from retread.training import Compute

_CI_RUNS = ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "TRAVIS_JOB_WEB_URL")
"""Where GitLab, Jenkins, CircleCI and Travis say which run it is."""


def local_actor(environment: Mapping[str, str]) -> str:
    """Return who runs this process: the address of a CI run, or the local user.

    >>> local_actor({"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b",
    ...              "GITHUB_RUN_ID": "7"})
    'https://github.com/a/b/actions/runs/7'
    >>> local_actor({"CI_JOB_URL": "https://gitlab.example/a/b/-/jobs/7"})
    'https://gitlab.example/a/b/-/jobs/7'
    """
    if run := environment.get("GITHUB_RUN_ID"):
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environment.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    for name in _CI_RUNS:
        if address := environment.get(name):
            return address
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"uid {os.getuid()}"


class Workspace:
    """The stores, services and settings of a project.

    Adapters are imported on first use, which keeps `--help` fast.

    Args:
        project: The project.
        clock: Source of time. Default: the system's.
        actor: Who acts, for the ledger. Default: the local user.
    """

    def __init__(self, project: LoadedProject, clock: Clock | None = None, actor: str = "") -> None:
        self.project = project
        self.settings = project.settings
        self.clock = clock or SystemClock()
        self.actor = actor or local_actor(os.environ)
        add_to_import_path(project.root)

    @cached_property
    def database(self) -> Database:
        """The project's database, with its tables created."""
        # Tables are declared where they are used; all must be known before they are created.
        import retread.loop
        import retread.monitoring
        import retread.registry
        import retread.serving  # noqa: F401  # declares tables

        database = Database(self.project.database_url)
        database.create_tables()
        return database

    @property
    def has_database(self) -> bool:
        """Whether a database may exist already; `database` would create an empty file."""
        file = file_of(self.project.database_url)
        return file is None or file.is_file()

    @cached_property
    def bundles(self) -> BundleStore:
        """Model bundles by digest."""
        from retread.bundle import LocalBundleStore

        return LocalBundleStore(self.project.bundles)

    @cached_property
    def datasets(self) -> DatasetStore:
        """Dataset versions."""
        from retread.data import LanceDatasetStore

        return LanceDatasetStore(self.project.datasets)

    @cached_property
    def ledger(self) -> Ledger:
        """The event log of the project."""
        from retread.monitoring import restart_watch
        from retread.registry import SqlLedger

        return SqlLedger(self.database, self.clock, actor=self.actor, on_append=(restart_watch,))

    @cached_property
    def servers(self) -> ServerDirectory:
        """The running inference servers."""
        from retread.registry import SqlServerDirectory

        return SqlServerDirectory(self.database, self.clock)

    @cached_property
    def registry(self) -> Registry:
        """Model versions, verdicts and stages."""
        from retread.registry import Registry

        return Registry(self.ledger, self.bundles, self.clock)

    @cached_property
    def mirror(self) -> AliasMirror:
        """Mirror of stages in MLflow."""
        from retread.app.mlflow_stages import ProcessMirror

        return ProcessMirror(self.project)

    @cached_property
    def promoter(self) -> Promoter:
        """Changes of slots and promotions."""
        from retread.registry import Promoter

        return Promoter(
            self.ledger,
            self.servers,
            self.clock,
            timeout_s=self.settings.serving.acknowledge_timeout_s,
            mirrors=(self.mirror,),
        )

    @cached_property
    def compute(self) -> Compute:
        """Where trainings run."""
        from retread.training import ProcessCompute

        return ProcessCompute(self.project, self.clock)

    @cached_property
    def traffic(self) -> TrafficLog:
        """Recorded requests and predictions."""
        from retread.serving import SegmentTrafficLog

        return SegmentTrafficLog(self.project.traffic)

    @cached_property
    def monitor(self) -> Monitor:
        """Drift and degradation detection on the traffic."""
        from retread.monitoring import Monitor

        return Monitor(
            ledger=self.ledger,
            bundles=self.bundles,
            traffic=self.traffic,
            labels=self.labels,
            database=self.database,
            settings=self.settings,
            clock=self.clock,
        )

    def outbox(self, notifiers: Sequence[str] = ()) -> Outbox:
        """Return the queue of notifications.

        Args:
            notifiers: Names of those to which new messages are addressed.
        """
        from retread.loop import Outbox

        return Outbox(self.database, self.clock, notifiers)

    @cached_property
    def labels(self) -> LabelStore:
        """True labels of recorded predictions."""
        from retread.serving import SqlLabelStore

        return SqlLabelStore(self.database)
