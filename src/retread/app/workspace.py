"""The composition root: from settings to adapters, each made once, when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
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


class Workspace:
    """Everything a command works with. Adapters are imported when needed, to keep `--help` fast."""

    def __init__(self, project: LoadedProject, clock: Clock | None = None) -> None:
        self.project = project
        self.settings = project.settings
        self.clock = clock or SystemClock()
        add_to_import_path(project.root)

    @cached_property
    def database(self) -> Database:
        # Tables are declared where they are used; all must be known before they are made.
        import retread.loop
        import retread.monitoring
        import retread.registry
        import retread.serving  # noqa: F401  # declares tables

        database = Database(self.project.database_url)
        database.create_tables()
        return database

    @property
    def has_database(self) -> bool:
        """Whether something may have been recorded: `database` would make an empty file."""
        file = file_of(self.project.database_url)
        return file is None or file.is_file()

    @cached_property
    def bundles(self) -> BundleStore:
        from retread.bundle import LocalBundleStore

        return LocalBundleStore(self.project.bundles)

    @cached_property
    def datasets(self) -> DatasetStore:
        from retread.data import LanceDatasetStore

        return LanceDatasetStore(self.project.datasets)

    @cached_property
    def ledger(self) -> Ledger:
        from retread.registry import SqlLedger

        return SqlLedger(self.database, self.clock)

    @cached_property
    def servers(self) -> ServerDirectory:
        from retread.registry import SqlServerDirectory

        return SqlServerDirectory(self.database, self.clock)

    @cached_property
    def registry(self) -> Registry:
        from retread.registry import Registry

        return Registry(self.ledger, self.bundles, self.clock)

    @cached_property
    def mirror(self) -> AliasMirror:
        from retread.app.stage_mirror import ProcessMirror

        return ProcessMirror(self.project)

    @cached_property
    def promoter(self) -> Promoter:
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
        from retread.training import ProcessCompute

        return ProcessCompute(self.project, self.clock)

    @cached_property
    def traffic(self) -> TrafficLog:
        from retread.serving import SegmentTrafficLog

        return SegmentTrafficLog(self.project.traffic)

    @cached_property
    def monitor(self) -> Monitor:
        from retread.monitoring import Monitor

        return Monitor(
            self.ledger,
            self.bundles,
            self.traffic,
            self.labels,
            self.database,
            self.settings,
            self.clock,
        )

    def outbox(self, notifiers: Sequence[str] = ()) -> Outbox:
        """The messages to be sent; a new one goes to each of `notifiers`."""
        from retread.loop import Outbox

        return Outbox(self.database, self.clock, notifiers)

    @cached_property
    def labels(self) -> LabelStore:
        from retread.serving import SqlLabelStore

        return SqlLabelStore(self.database)
