"""From examples to a committed version: place them, look at them, judge them, write them."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

import pyarrow as pa

from retread.core import Clock, InvalidInput, Outcome, UnknownOption, Verdict
from retread.data.content import evaluation_digest, version_digest
from retread.data.gathered import Progress, SourceExamples
from retread.data.images import inspect_image, measure_image, sample_by_digest
from retread.data.judge import judge
from retread.data.placing import Placed, place, rows_of
from retread.data.profile import Profile, numeric_figures, profile_images, profile_table
from retread.data.standing import DatasetHeads
from retread.data.store import (
    DIGEST,
    GROUP,
    ID,
    IMAGE,
    KEYS,
    LABEL,
    SOURCE,
    SPLIT,
    TIMESTAMP,
    DatasetStore,
)
from retread.data.summary import Changes, DatasetSummary, compare, count_by, summarise
from retread.data.version import ColumnKind, DatasetVersion, Schema, VersionState
from retread.project.settings import DataSection

_COMMON = (ID, LABEL, GROUP, SPLIT, SOURCE, DIGEST, TIMESTAMP)
_IMAGES_A_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Examples that were gathered for the next version of `dataset`.

    `stay` are the ids of rows of the version it is built on that stay, whatever was gathered.
    """

    dataset: str
    gathered: SourceExamples
    settings: DataSection
    source: str
    note: str
    stay: Set[str] = frozenset()
    positive_label: str = ""
    progress: Progress = lambda *_: None


def commit_next(
    store: DatasetStore, addition: Addition, standing: DatasetHeads | None, clock: Clock
) -> DatasetVersion:
    """Commit what follows `standing`, or return the version there that is the same."""
    base = standing.base if standing else None
    if base is not None and addition.stay:
        _check_alike(addition.gathered, base)
    old = None if base is None else store.read(base, columns=KEYS)
    columns = addition.gathered.columns
    same_columns = base is not None and base.schema.columns == columns
    placed = place(
        addition.gathered, old if same_columns else None, addition.stay, addition.settings
    )
    schema = Schema(columns=columns, labels=_labels(placed.keys, addition.positive_label))
    profile = _profile(store, addition, placed, schema, base)
    summary = summarise(
        placed.keys,
        schema,
        profile,
        addition.gathered.unreadable,
        addition.settings.max_label_share,
        _changes(base, old, placed),
    )
    version = _version(addition, placed, summary, judge(summary), standing, clock)
    for there in (standing.newest, standing.base) if standing else ():
        if _same(version, there):
            return there
    reader = _reader(addition, placed)
    return store.commit(version, reader, placed.keep, base.number if base else None)


def _check_alike(gathered: SourceExamples, base: DatasetVersion) -> None:
    """Raises InvalidInput unless what was gathered can stand beside the rows of `base`."""
    if base.schema.columns != gathered.columns:
        raise InvalidInput(
            f"The source does not have the columns of {base.reference}.",
            f"It needs: {', '.join(column.name for column in base.schema.columns)}.",
        )
    numbers = pa.types.is_floating(gathered.rows[LABEL].type)
    if numbers == bool(base.schema.labels):
        found, needed = ("numbers", "labels") if numbers else ("labels", "numbers")
        raise InvalidInput(
            f"The source is read with {found} to predict, but {base.reference} holds {needed}.",
            "Check [recipe] kind, or add the data as another dataset.",
        )


def _version(
    addition: Addition,
    placed: Placed,
    summary: DatasetSummary,
    verdict: Verdict,
    standing: DatasetHeads | None,
    clock: Clock,
) -> DatasetVersion:
    passed = verdict.outcome is Outcome.PASS
    return DatasetVersion(
        dataset=addition.dataset,
        number=standing.newest.number + 1 if standing else 1,
        digest=version_digest(placed.keys),
        evaluation_digest=evaluation_digest(placed.keys),
        state=VersionState.RELEASED if passed else VersionState.QUARANTINED,
        schema=summary.schema,
        rows=summary.rows,
        splits=summary.splits,
        labels=summary.label_counts,
        profile=summary.profile,
        checks=verdict.checks,
        source=addition.source,
        note=addition.note,
        created_at=clock.now().isoformat(timespec="seconds"),
    )


def _same(version: DatasetVersion, before: DatasetVersion) -> bool:
    """Whether nothing changed: a repaired or newly broken source may hold the same rows."""
    now, then = ({check.check for check in v.failed_checks} for v in (version, before))
    judged_alike = now == then or (before.state is VersionState.RELEASED and now < then)
    return version.digest == before.digest and version.schema == before.schema and judged_alike


def _labels(keys: pa.Table, positive_label: str) -> tuple[str, ...]:
    if pa.types.is_floating(keys[LABEL].type):
        return ()
    labels = tuple(count_by(keys[LABEL]))
    if len(labels) < 2:
        raise InvalidInput(
            f"All {keys.num_rows} examples have the same label, {labels[0]!r}.",
            "Add examples of at least one other label.",
        )
    if positive_label and positive_label not in labels:
        raise UnknownOption("[recipe] positive_label", positive_label, labels)
    return labels


def _changes(base: DatasetVersion | None, old: pa.Table | None, placed: Placed) -> Changes | None:
    """Against a released version: what is in quarantine is no measure."""
    if base is None or old is None or base.is_quarantined:
        return None
    return compare(base, old, placed.keys)


def _profile(
    store: DatasetStore,
    addition: Addition,
    placed: Placed,
    schema: Schema,
    base: DatasetVersion | None,
) -> Profile:
    if schema.columns[0].kind is ColumnKind.IMAGE:
        return profile_images(_measures(store, addition.gathered, placed, base))
    names = [column.name for column in schema.columns]
    rows = placed.current.select(names)
    if base is not None and addition.stay:
        staying = rows_of(store.read(base, columns=[ID, *names]), addition.stay)
        rows = pa.concat_tables([staying.select(names), rows])
    profile = profile_table(rows, schema.columns)
    if not schema.labels:
        profile[LABEL] = numeric_figures(placed.keys[LABEL].to_numpy())
    return profile


def _measures(
    store: DatasetStore, gathered: SourceExamples, placed: Placed, base: DatasetVersion | None
) -> dict[str, tuple[float, ...]]:
    digests = placed.keys[DIGEST].to_pylist()
    sample = {digests[i]: placed.keys[ID][i].as_py() for i in sample_by_digest(digests)}
    known = {digest: m for digest, m in gathered.measures.items() if digest in sample}
    unknown = {id_: digest for digest, id_ in sample.items() if digest not in known}
    if base is not None and unknown:
        images = store.read(base, columns=[ID, IMAGE], ids=list(unknown))
        for id_, image in zip(images[ID].to_pylist(), images[IMAGE].to_pylist(), strict=True):
            facts = inspect_image(image)
            known[unknown[id_]] = (*facts.measures, *measure_image(image))
    return known


def _reader(addition: Addition, placed: Placed) -> pa.RecordBatchReader:
    names = [*_COMMON, *(c.name for c in addition.gathered.columns if c.kind != ColumnKind.IMAGE)]
    rows = placed.rows.select(names)
    if addition.gathered.fetch is None:
        return rows.to_reader()
    schema = rows.schema.append(pa.field(IMAGE, pa.large_binary()))
    return pa.RecordBatchReader.from_batches(schema, _image_batches(addition, placed, rows))


def _image_batches(addition: Addition, placed: Placed, rows: pa.Table) -> Iterator[pa.RecordBatch]:
    fetch = addition.gathered.fetch
    assert fetch is not None
    for start in range(0, rows.num_rows, _IMAGES_A_BATCH):
        positions = placed.positions[start : start + _IMAGES_A_BATCH]
        part = rows.slice(start, len(positions)).combine_chunks()
        images = pa.array(fetch(positions), pa.large_binary())
        yield part.append_column(IMAGE, images).to_batches()[0]
        addition.progress("Writing images", start + len(positions), rows.num_rows)
