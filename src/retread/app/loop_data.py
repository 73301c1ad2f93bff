"""The loop's data: versions, labelled traffic that becomes one, and the watched source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retread.app.datasets import add_data, add_request
from retread.core import digest_json
from retread.data import ID, DatasetVersion, add_rows, heads_of
from retread.loop.labelled import LabelledTraffic, fits, row_id
from retread.loop.rows import rows_of

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


class LoopData:
    """The port `Data` of the loop, over a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._dataset = workspace.settings.data.dataset
        self._traffic = LabelledTraffic(workspace.traffic, workspace.labels)
        self._ids: dict[str, frozenset[str]] = {}

    def latest(self) -> DatasetVersion:
        return self._workspace.datasets.version(self._dataset)

    def labelled(self) -> int:
        return len(self._fresh())

    def collect(self, source: str, at_least: int) -> DatasetVersion | None:
        work = self._workspace
        for version in work.datasets.versions(self._dataset):
            if version.source == source:
                return version
        fresh = self._fresh()
        if len(fresh) < at_least:
            return None
        records = list(self._traffic.records(fresh.__contains__))
        rows = rows_of(records, fresh, self._base().schema, work.traffic)
        if rows.num_rows == 0:
            return None
        made = add_rows(
            work.datasets,
            self._dataset,
            rows,
            source=source,
            note=f"{rows.num_rows} labelled answers",
            settings=work.settings.data,
            clock=work.clock,
        )
        return made if made.source == source else None

    def fingerprint(self) -> str:
        source = self._workspace.settings.data.source
        if not source:
            return ""
        return digest_json(sorted(_files(self._workspace.project.root / source)))

    def add_source(self) -> DatasetVersion:
        # A snapshot: what left the source leaves the data, but what traffic taught stays.
        return add_data(
            self._workspace, add_request(self._workspace, self._dataset, keep=row_id(""))
        )

    def _base(self) -> DatasetVersion:
        """What labelled traffic is added to."""
        return heads_of(self._workspace.datasets, self._dataset).base

    def _fresh(self) -> dict[str, str]:
        """Labels of answered requests that are neither in the data yet nor in quarantine.

        What is in quarantine waits for a person there: taken again, it would bring each next
        version there too.
        """
        base = self._base()
        versions = self._workspace.datasets.versions(self._dataset)
        held = [version for version in versions if version.is_quarantined]
        taken = frozenset().union(*map(self._ids_of, (base, *held)))
        return {
            request_id: label
            for request_id, label in self._traffic.labelled().items()
            if row_id(request_id) not in taken and fits(label, base.schema)
        }

    def _ids_of(self, version: DatasetVersion) -> frozenset[str]:
        if version.digest not in self._ids:
            rows = self._workspace.datasets.read(version, columns=[ID])
            self._ids[version.digest] = frozenset(rows[ID].to_pylist())
        return self._ids[version.digest]


def _files(source: Path) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every file: enough to see that something may have changed."""
    if source.is_file():
        status = source.stat()
        yield source.name, status.st_size, status.st_mtime_ns
    for folder, _, names in os.walk(source):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            yield str(path.relative_to(source)), status.st_size, status.st_mtime_ns
