"""Making the next version of a dataset from a source, or from rows in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from retread.core import Clock, InvalidInput, NotFound, checked_name
from retread.data.gather import gather
from retread.data.gathered import Progress, SourceExamples, SourceRequest
from retread.data.images import gather_contents
from retread.data.next_version import Addition, commit_next
from retread.data.standing import DatasetHeads, heads_of
from retread.data.store import GROUP, ID, IMAGE, LABEL, SOURCE, TIMESTAMP, DatasetStore
from retread.data.tabular import examples, times, without_nan
from retread.data.version import Column, ColumnKind, DatasetVersion
from retread.project.settings import DataSection


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequest:
    """A source that is to become the next version of `dataset`.

    The version is what the source holds, and rows of the version it is built on: with `append` all
    of them, else those whose ids start with `keep`, '' for none. `index` remembers what was read of
    files, to save time.
    """

    dataset: str
    source: Path
    settings: DataSection
    labels: str = ""
    note: str = ""
    append: bool = False
    keep: str = ""
    regression: bool = False
    positive_label: str = ""
    index: Path | None = None
    progress: Progress = lambda *_: None


def add_version(store: DatasetStore, request: AddRequest, clock: Clock) -> DatasetVersion:
    """Commit the next version, released or quarantined; one that is there if nothing changed.

    Nothing is committed when the source cannot be read, has no examples, a single label, a column
    without values or missing labels. InvalidInput, NotFound; Conflict when somebody else added a
    version meanwhile.
    """
    checked_name("dataset", request.dataset)
    standing = _standing(store, request.dataset)
    base = standing.base if standing else None
    stay = _staying(store, base, request)
    gathered = gather(
        SourceRequest(
            source=request.source,
            labels=request.labels or request.settings.labels,
            settings=request.settings,
            regression=request.regression,
            columns=_table_columns(base) if stay else None,
            index=request.index,
            progress=request.progress,
        )
    )
    addition = Addition(
        dataset=request.dataset,
        gathered=gathered,
        settings=request.settings,
        source=str(request.source),
        note=request.note,
        stay=stay,
        positive_label=request.positive_label,
        progress=request.progress,
    )
    return commit_next(store, addition, standing, clock)


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
    """Append rows from memory to a dataset's latest released version.

    `rows` has LABEL and the dataset's features (images: bytes in `image`), and may have ID, GROUP,
    TIMESTAMP and SOURCE. A row that is there already, by its id or its content and label, is not
    added again; none that is there is changed. NotFound, InvalidInput, Conflict.
    """
    standing = heads_of(store, dataset)
    base = standing.base
    addition = Addition(
        dataset=dataset,
        gathered=_from_memory(rows, base, source, settings),
        settings=settings,
        source=source,
        note=note,
        stay=_ids(store, base),
    )
    return commit_next(store, addition, standing, clock)


def latest(store: DatasetStore, dataset: str) -> DatasetVersion | None:
    """The newest version, quarantined or not; None for a new dataset."""
    standing = _standing(store, dataset)
    return standing.newest if standing else None


def _standing(store: DatasetStore, dataset: str) -> DatasetHeads | None:
    try:
        return heads_of(store, dataset)
    except NotFound:
        return None


def _staying(
    store: DatasetStore, base: DatasetVersion | None, request: AddRequest
) -> frozenset[str]:
    if base is None or not (request.append or request.keep):
        return frozenset()
    ids = _ids(store, base)
    return ids if request.append else frozenset(i for i in ids if i.startswith(request.keep))


def _ids(store: DatasetStore, version: DatasetVersion) -> frozenset[str]:
    return frozenset(store.read(version, columns=[ID])[ID].to_pylist())


def _table_columns(version: DatasetVersion | None) -> tuple[Column, ...] | None:
    if version is None or version.schema.columns[0].kind is ColumnKind.IMAGE:
        return None
    return version.schema.columns


def _from_memory(
    rows: pa.Table, before: DatasetVersion, source: str, settings: DataSection
) -> SourceExamples:
    columns = before.schema.columns
    _check_columns(rows, [LABEL, *(column.name for column in columns)])
    common = _common(rows, source, regression=not before.schema.labels)
    if columns[0].kind is ColumnKind.IMAGE:
        request = SourceRequest(source=Path(source), labels=LABEL, settings=settings)
        return gather_contents(rows[IMAGE].to_pylist(), common, request)
    features = {column.name: rows[column.name] for column in columns}
    own = {name: common[name] for name in common.column_names}
    return examples(own, features, source, columns)


def _check_columns(rows: pa.Table, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in rows.column_names]
    if missing:
        raise InvalidInput(
            f"The rows have no column {missing[0]!r}.",
            f"They have: {', '.join(rows.column_names)}.",
        )
    if rows.num_rows == 0:
        raise InvalidInput("There are no rows to add.")


def _common(rows: pa.Table, source: str, *, regression: bool) -> pa.Table:
    label = rows[LABEL].cast(pa.float64() if regression else pa.string())
    if regression:
        label = without_nan(label)
    if label.null_count:
        raise InvalidInput(f"{label.null_count} of the rows have no label.")
    given = set(rows.column_names)
    nothing = pa.nulls(rows.num_rows, pa.string())
    times_ = times(rows[TIMESTAMP]) if TIMESTAMP in given else times(pa.chunked_array([nothing]))
    everywhere = pa.array([source] * rows.num_rows, pa.string())
    common = {
        LABEL: label,
        GROUP: rows[GROUP].cast(pa.string()) if GROUP in given else nothing,
        SOURCE: rows[SOURCE].cast(pa.string()) if SOURCE in given else everywhere,
        TIMESTAMP: times_,
    }
    if ID in given:
        common[ID] = rows[ID].cast(pa.string())
    return pa.table(common)
