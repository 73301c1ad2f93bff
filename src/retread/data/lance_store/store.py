"""A DatasetStore in a folder of Lance tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from retread.core import Conflict, NotFound, Unavailable, checked_name, is_name
from retread.core.quarantine import VersionState
from retread.data.lance_store import commits
from retread.data.lance_store.format import (
    check_files,
    column_name,
    damaged,
    file_digests,
    quoted,
    stored_name,
    stored_schema,
    translated_errors,
)
from retread.data.lance_store.writing import delta_of, write_delta
from retread.data.store import ID, SPLIT
from retread.data.text_order import sorted_by
from retread.data.version import DatasetVersion, Split

_SUFFIX = ".lance"


@dataclass(frozen=True, slots=True)
class _BaseState:
    """The state that a version is written on; the defaults are those of a new dataset.

    Attributes:
        table: The Lance dataset; None for a new one.
        commit: The number of its latest commit.
        files: The sha256 of its data files by name.
    """

    table: Any | None = None
    commit: int = 0
    files: dict[str, str] = field(default_factory=dict)


class LanceDatasetStore:
    """A DatasetStore with one Lance table per dataset and one commit per version.

    Args:
        root: The folder of the tables; it is created by the first commit.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._cache: dict[tuple[str, int], commits.CommittedVersion | None] = {}

    def datasets(self) -> tuple[str, ...]:
        found = sorted(path.stem for path in self._root.glob(f"*{_SUFFIX}"))
        return tuple(name for name in found if is_name(name) and self._exists(name))

    def versions(self, dataset: str) -> tuple[DatasetVersion, ...]:
        return tuple(entry.version for entry in self._entries(dataset))

    def version(self, dataset: str, number: int | None = None) -> DatasetVersion:
        if number is None:
            return _latest_released(dataset, self.versions(dataset))
        return self._entry(dataset, number).version

    def commit(
        self,
        version: DatasetVersion,
        rows: pa.Table | pa.RecordBatchReader,
        keep: Collection[str] = (),
        base: int | None = None,
    ) -> DatasetVersion:
        checked_name("dataset", version.dataset)
        reader = rows.to_reader() if isinstance(rows, pa.Table) else rows
        schema = stored_schema(reader.schema)
        state = self._base_state(version, base)
        delta = delta_of(state.table, schema, keep)
        path = self._path(version.dataset)
        try:
            fragments, operation = write_delta(delta, reader, schema, str(path))
            files = file_digests(path, fragments, state.files)
            return self._commit(version, state.commit, operation, files)
        except OSError as error:
            if state.table is None and self._exists(version.dataset):
                raise _conflict(version) from error
            raise Unavailable(
                f"The dataset could not be written: {error}.",
                "Check disk space and permissions; nothing was added.",
            ) from error

    def release(self, dataset: str, number: int) -> DatasetVersion:
        entry = self._entry(dataset, number)
        if entry.version.state is not VersionState.RELEASED:
            commits.tag_released(self._open(dataset), number, entry.commit)
        return self.version(dataset, number)

    def read(
        self,
        version: DatasetVersion,
        split: Split | None = None,
        columns: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
    ) -> pa.Table:
        commit = self._entry(version.dataset, version.number).commit
        filters = [f"{SPLIT} = '{split.value}'"] if split else []
        if ids is not None:
            filters.append(f"{ID} IN ({quoted(ids)})" if ids else "false")
        wanted = None if columns is None else sorted({stored_name(n) for n in (ID, *columns)})
        with translated_errors(version):
            dataset = self._open(version.dataset, commit)
            rows = dataset.to_table(columns=wanted, filter=" AND ".join(filters) or None)
        rows = rows.rename_columns([column_name(name) for name in rows.column_names])
        rows = sorted_by(rows, ID)
        return rows if columns is None else rows.select(list(columns))

    def verify_storage(self, version: DatasetVersion) -> None:
        entry = self._entry(version.dataset, version.number)
        check_files(self._path(version.dataset), version, entry.files)

    def collect_garbage(self, dataset: str, older_than: timedelta) -> int:
        entries = self._entries(dataset)
        table = self._open(dataset)
        commits.tag_missing(table, entries)
        stats = table.cleanup_old_versions(older_than, error_if_tagged_old_versions=False)
        return int(stats.bytes_removed) + self._remove_orphans(dataset, older_than)

    def _remove_orphans(self, dataset: str, older_than: timedelta) -> int:
        """Delete the files of commits that were never completed; return the bytes freed.

        Lance itself would wait for seven days, or not at all. A commit in progress must not lose
        its files.
        """
        table = self._open(dataset)
        tracked = set(table.tracked_files().read_all()["path"].to_pylist())
        oldest = datetime.now(UTC) - older_than
        freed = 0
        for file in table.all_files().read_all().to_pylist():
            path = str(file["path"])
            orphan = path not in tracked and path.startswith(("data/", "_deletions/"))
            if orphan and file["last_modified"] < oldest:
                (self._path(dataset) / path).unlink(missing_ok=True)
                freed += int(file["size_bytes"])
        return freed

    def _commit(
        self, version: DatasetVersion, base: int, operation: Any, files: dict[str, str]
    ) -> DatasetVersion:
        import lance

        uri = str(self._path(version.dataset))
        transaction = lance.Transaction(
            read_version=base,
            operation=operation,
            transaction_properties=commits.properties(version, base, files),
        )
        try:
            table = lance.LanceDataset.commit(uri, transaction, max_retries=0)
        except lance.commit.CommitConflictError as error:
            raise _conflict(version) from error
        if table.version != base + 1:
            raise _conflict(version)
        commits.tag_version(table, version.number, table.version)
        return version

    def _base_state(self, version: DatasetVersion, base: int | None) -> _BaseState:
        """Return the table in the state of version `base`; None for the newest version."""
        found = self._history(version.dataset)
        if version.number != (found[-1].version.number + 1 if found else 1):
            raise _conflict(version)
        if not found:
            return _BaseState()
        table = self._open(version.dataset)
        commits.tag_missing(table, found)
        entry = found[-1] if base is None else self._entry(version.dataset, base)
        if entry.commit != table.version:
            # The last commit is a later version, or that of a process that lost a race.
            self._open(version.dataset, entry.commit).restore()
            table = self._open(version.dataset)
        return _BaseState(table, table.version, entry.files)

    def _entries(self, dataset: str) -> list[commits.CommittedVersion]:
        found = self._history(dataset)
        if not found:
            known = ", ".join(self.datasets()) or "none"
            raise NotFound(
                f"There is no dataset {dataset!r}. Existing datasets: {known}.",
                f"Create it with: retread data add {dataset} SOURCE",
            )
        return found

    def _entry(self, dataset: str, number: int) -> commits.CommittedVersion:
        found = self._entries(dataset)
        for entry in found:
            if entry.version.number == number:
                return entry
        raise NotFound(
            f"Dataset {dataset!r} has no version {number}; "
            f"the latest is {found[-1].version.number}.",
            "See: retread data list",
        )

    def _history(self, dataset: str) -> list[commits.CommittedVersion]:
        checked_name("dataset", dataset)
        if not self._exists(dataset):
            return []
        table = self._open(dataset)
        released = commits.released_numbers(table)
        found = [self._recorded(dataset, table, commit) for commit in commits.commit_numbers(table)]
        return [_with_release(entry, released) for entry in found if entry is not None]

    def _recorded(self, dataset: str, table: Any, commit: int) -> commits.CommittedVersion | None:
        if (dataset, commit) not in self._cache:
            self._cache[dataset, commit] = commits.recorded(table, commit)
        return self._cache[dataset, commit]

    def _open(self, dataset: str, commit: int | None = None) -> Any:
        import lance

        try:
            return lance.dataset(str(self._path(dataset)), version=commit)
        except (ValueError, OSError) as error:
            raise damaged(dataset, error) from error

    def _exists(self, dataset: str) -> bool:
        return any((self._path(dataset) / "_versions").glob("*.manifest"))

    def _path(self, dataset: str) -> Path:
        return self._root / f"{dataset}{_SUFFIX}"


def _with_release(entry: commits.CommittedVersion, released: set[int]) -> commits.CommittedVersion:
    if entry.version.number not in released:
        return entry
    version = msgspec.structs.replace(entry.version, state=VersionState.RELEASED)
    return commits.CommittedVersion(entry.commit, version, entry.files)


def _latest_released(dataset: str, versions: Sequence[DatasetVersion]) -> DatasetVersion:
    released = [version for version in versions if version.state is VersionState.RELEASED]
    if released:
        return released[-1]
    raise NotFound(
        f"Every version of {dataset!r} is in quarantine.",
        f"See why with: retread data show {versions[-1].reference}; release it with: "
        f"retread data release {versions[-1].reference} --reason TEXT",
    )


def _conflict(version: DatasetVersion) -> Conflict:
    return Conflict(
        f"Another process added {version.reference} at the same time.", "Add the data again."
    )
