"""Add the next version of a dataset, from a source or from rows in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from retread.core import Clock, InvalidInput, NotFound, checked_name
from retread.data.heads import DatasetHeads, heads_of
from retread.data.images import gather_contents
from retread.data.next_version import Addition, commit_next
from retread.data.read_source import read_source
from retread.data.source import Progress, SourceExamples, SourceRequest
from retread.data.store import GROUP, ID, IMAGE, LABEL, SOURCE, TIMESTAMP, DatasetStore
from retread.data.tables import UTC_MICROSECONDS, read_by, read_times
from retread.data.tabular import gather_columns, rules_of, without_nan
from retread.data.version import ColumnKind, DatasetVersion
from retread.project.settings import DataSection


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequest:
    """A request to make a source the next version of a dataset.

    Attributes:
        dataset: The name of the dataset; a new one is created.
        source: The file or folder to read.
        settings: The `[data]` section of the project.
        labels: Where the labels are ('folder', a label file, a column); [data] labels if not
            given.
        note: A free-text note stored with the version.
        append: Keep all rows of the version that the next one is built on.
        keep: Keep those of its rows whose ids start with this prefix; None for no row.
        regression: Whether the labels are numeric targets.
        positive_label: The label that must be among those of the source, if given.
        index: A file that caches what was read of the source's files; None for no cache.
        progress: Called as the work proceeds.
    """

    dataset: str
    source: Path
    settings: DataSection
    labels: str | None = None
    note: str = ""
    append: bool = False
    keep: str | None = None
    regression: bool = False
    positive_label: str | None = None
    index: Path | None = None
    progress: Progress = lambda *_: None


def add_version(store: DatasetStore, request: AddRequest, clock: Clock) -> DatasetVersion:
    """Read a source and commit it as the next version of a dataset.

    Args:
        store: The store to commit to.
        request: The source, and what to keep of the version before.
        clock: Gives the version its time of creation.

    Returns:
        The new version, released or quarantined; the existing one if nothing changed.

    Raises:
        InvalidInput: The source cannot be read, has no examples, only one label, missing labels
            or a column without values. Nothing is committed.
        NotFound: The source does not exist.
        Conflict: Another process added a version at the same time.
    """
    checked_name("dataset", request.dataset)
    heads = _heads(store, request.dataset)
    base = heads.base if heads else None
    retained = _retained(store, base, request)
    source = SourceRequest(
        source=request.source,
        labels=request.labels or request.settings.labels,
        settings=request.settings,
        regression=request.regression,
        index=request.index,
        progress=request.progress,
    )
    examples = read_source(_like(base, source) if retained and base is not None else source)
    # Arrow keeps the memory of the cells for what it reads next.
    pa.default_memory_pool().release_unused()
    addition = Addition(
        dataset=request.dataset,
        examples=examples,
        settings=request.settings,
        source=str(request.source),
        note=request.note,
        labels=source.labels,
        retained=retained,
        positive_label=request.positive_label,
        progress=request.progress,
    )
    return commit_next(store, addition, heads, clock)


def add_rows(
    store: DatasetStore,
    dataset: str,
    rows: pa.Table,
    *,
    source: str,
    settings: DataSection,
    clock: Clock,
    note: str = "",
) -> DatasetVersion:
    """Append rows from memory to the latest released version of a dataset.

    A row that is already stored, under its id or with its content and label, is not added again.
    No stored row is changed.

    Args:
        store: The store that holds the dataset.
        dataset: The name of the dataset.
        rows: A table with LABEL and the features of the dataset (images: bytes in `image`), and
            optionally ID, GROUP, TIMESTAMP and SOURCE.
        source: The source to store with the version, and with rows that have no SOURCE.
        settings: The `[data]` section of the project.
        clock: Gives the version its time of creation.
        note: A free-text note stored with the version.

    Returns:
        The new version, released or quarantined; the existing one if nothing changed.

    Raises:
        NotFound: There is no such dataset.
        InvalidInput: The rows do not fit the dataset. Nothing is committed.
        Conflict: Another process added a version at the same time.
    """
    heads = heads_of(store, dataset)
    addition = Addition(
        dataset=dataset,
        examples=_from_memory(rows, heads.base, source, settings),
        settings=settings,
        source=source,
        note=note,
        retained=_ids(store, heads.base),
    )
    return commit_next(store, addition, heads, clock)


def latest(store: DatasetStore, dataset: str) -> DatasetVersion | None:
    """Return the newest version of a dataset, quarantined or not; None for a new dataset."""
    heads = _heads(store, dataset)
    return heads.newest if heads else None


def _heads(store: DatasetStore, dataset: str) -> DatasetHeads | None:
    try:
        return heads_of(store, dataset)
    except NotFound:
        return None


def _retained(
    store: DatasetStore, base: DatasetVersion | None, request: AddRequest
) -> frozenset[str]:
    if base is None or not (request.append or request.keep):
        return frozenset()
    prefix = "" if request.append else request.keep or ""
    return frozenset(id_ for id_ in _ids(store, base) if id_.startswith(prefix))


def _ids(store: DatasetStore, version: DatasetVersion) -> frozenset[str]:
    return frozenset(store.read(version, columns=[ID])[ID].to_pylist())


def _like(base: DatasetVersion, source: SourceRequest) -> SourceRequest:
    """Return a request to read a table by the rules of the version that it is appended to."""
    schema = base.schema
    if schema.columns[0].kind is ColumnKind.IMAGE:
        return source
    return replace(
        source,
        columns=schema.columns,
        rules=schema.rules or rules_of(schema.columns),
        label_rules=schema.label_rules,
        decisions=base.decisions,
    )


def _from_memory(
    rows: pa.Table, base: DatasetVersion, source: str, settings: DataSection
) -> SourceExamples:
    columns = base.schema.columns
    _check_columns(rows, [LABEL, *(column.name for column in columns)])
    attributes = _attributes(rows, source, regression=not base.schema.labels)
    if columns[0].kind is ColumnKind.IMAGE:
        request = SourceRequest(source=Path(source), labels=LABEL, settings=settings)
        return gather_contents(rows[IMAGE].to_pylist(), attributes, request)
    features = read_by(base.schema.rules or rules_of(columns), rows, source)
    by_name = {name: attributes[name] for name in attributes.column_names}
    examples = gather_columns(by_name, features, source, columns)
    return replace(examples, label_rules=base.schema.label_rules)


def _check_columns(rows: pa.Table, required: list[str]) -> None:
    missing = [name for name in required if name not in rows.column_names]
    if missing:
        raise InvalidInput(
            f"The rows have no column {missing[0]!r}.",
            f"Their columns are: {', '.join(rows.column_names)}.",
        )
    if rows.num_rows == 0:
        raise InvalidInput("There are no rows to add.")


def _attributes(rows: pa.Table, source: str, *, regression: bool) -> pa.Table:
    """Return the columns of the rows that are not features, with defaults for missing ones."""
    label = rows[LABEL].cast(pa.float64() if regression else pa.string())
    if regression:
        label = without_nan(label)
    if label.null_count:
        raise InvalidInput(f"{label.null_count} of the rows have no label.")
    given = set(rows.column_names)
    empty = pa.nulls(rows.num_rows, pa.string())
    same_source = pa.array([source] * rows.num_rows, pa.string())
    attributes = {
        LABEL: label,
        GROUP: rows[GROUP].cast(pa.string()) if GROUP in given else empty,
        SOURCE: rows[SOURCE].cast(pa.string()) if SOURCE in given else same_source,
        TIMESTAMP: read_times(rows[TIMESTAMP], TIMESTAMP).values
        if TIMESTAMP in given
        else pa.nulls(rows.num_rows, UTC_MICROSECONDS),
    }
    if ID in given:
        attributes[ID] = rows[ID].cast(pa.string())
    return pa.table(attributes)
