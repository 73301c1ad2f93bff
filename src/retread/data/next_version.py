"""Turn examples into the next version: assign splits, profile, validate, commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import pyarrow as pa

from retread.core import Clock, InvalidInput, Outcome, UnknownOption, Verdict
from retread.core.quarantine import VersionState
from retread.data.assign import AssignedRows, Base, assign_splits, inherited_plan, rows_of
from retread.data.heads import DatasetHeads
from retread.data.images import image_rules, inspect_image, measure_image, sample_by_digest
from retread.data.integrity import evaluation_digest, version_digest
from retread.data.profile import Profile, numeric_statistics, profile_images, profile_table
from retread.data.read_settings import ReadSettings, of_another_file, read_settings
from retread.data.source import Progress, SourceExamples
from retread.data.split_plan import SplitMethod, SplitPlan
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
from retread.data.summary import (
    ROW,
    Changes,
    CheckContext,
    DatasetSummary,
    compare,
    count_by,
    summarise,
)
from retread.data.text_digests import with_text_digests
from retread.data.validation import validate
from retread.data.version import ColumnKind, DatasetVersion, Schema
from retread.project.settings import DataSection

_ATTRIBUTES = (ID, LABEL, GROUP, SPLIT, SOURCE, DIGEST, TIMESTAMP)
_IMAGES_PER_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Examples for the next version of a dataset.

    Attributes:
        dataset: The name of the dataset.
        examples: The examples that were read.
        settings: The `[data]` section of the project.
        source: The source to store with the version.
        note: A free-text note to store with the version.
        labels: What the labels were read from; empty for rows from memory.
        retained: Ids of rows of the base version that are kept even if the source lacks them.
        positive_label: A label that must be among those of the version, if given.
        progress: Called as images are written.
    """

    dataset: str
    examples: SourceExamples
    settings: DataSection
    source: str
    note: str
    labels: str = ""
    retained: Set[str] = frozenset()
    positive_label: str | None = None
    progress: Progress = lambda *_: None


def commit_next(
    store: DatasetStore, addition: Addition, heads: DatasetHeads | None, clock: Clock
) -> DatasetVersion:
    """Commit the next version of a dataset.

    Args:
        store: The store to commit to.
        addition: The examples to add.
        heads: The versions that the next one starts from; None for a new dataset.
        clock: Gives the version its time of creation.

    Returns:
        The new version, or the existing one that is the same, with the remarks on this source.

    Raises:
        InvalidInput: The examples do not fit the rows to keep, or have only one label.
        Conflict: Another process added a version at the same time.
    """
    base = heads.base if heads else None
    if base is not None and addition.retained:
        _check_same_schema(addition.examples, base)
    old = None if base is None else store.read(base, columns=KEYS)
    same_columns = base is not None and base.schema.columns == addition.examples.columns
    now = clock.now()
    start = Base(keys=old if same_columns else None, retained=addition.retained)
    if base is not None:
        plan = inherited_plan(base, addition.retained, addition.settings)
        start = replace(start, plan=plan, features=_features(store, base, plan, start.keys))
    examples = with_text_digests(addition.examples, start.keys)
    assigned = assign_splits(examples, start, addition.settings, now)
    with ThreadPoolExecutor(1) as background:
        # Both look at all rows, which takes seconds for a million.
        digests = background.submit(_digests, assigned.keys)
        summary = _summary(store, addition, assigned, base, old, now)
        verdict = validate(summary)
    number = heads.newest.number + 1 if heads else 1
    version = _version(addition, number, digests.result(), summary, verdict, now)
    version = msgspec.structs.replace(
        version,
        split_plan=assigned.plan,
        settings=_settings_read(addition, base),
        positive_label=_positive_label(addition, base, summary.label_counts),
    )
    for existing in (heads.newest, heads.base) if heads else ():
        if _is_same(version, existing):
            return msgspec.structs.replace(existing, remarks=version.remarks)
    reader = _reader(addition, assigned)
    del summary
    pa.default_memory_pool().release_unused()
    return store.commit(version, reader, assigned.keep, base.number if base else None)


def _digests(keys: pa.Table) -> tuple[str, str]:
    """Return the digest of a version, and that of its evaluation split."""
    return version_digest(keys), evaluation_digest(keys)


def _summary(
    store: DatasetStore,
    addition: Addition,
    assigned: AssignedRows,
    base: DatasetVersion | None,
    old: pa.Table | None,
    now: datetime,
) -> DatasetSummary:
    schema = Schema(
        columns=addition.examples.columns,
        labels=_labels(assigned.keys, addition.positive_label),
        rules=addition.examples.rules,
        label_rules=addition.examples.label_rules,
    )
    table = _table(store, addition, assigned, schema, base)
    return summarise(
        assigned.keys,
        schema,
        _profile(store, addition, assigned, schema, base, table),
        addition.examples.unreadable,
        _changes(base, old, assigned),
        CheckContext(
            plan=assigned.plan,
            settings=addition.settings,
            now=now,
            table=table,
            near_equal=assigned.near_equal,
        ),
        addition.examples.problems,
        addition.examples.findings,
    )


def _check_same_schema(examples: SourceExamples, base: DatasetVersion) -> None:
    """Raise InvalidInput unless the examples can be stored with the rows of `base`."""
    if base.schema.columns != examples.columns:
        raise InvalidInput(
            f"The columns of the source differ from those of {base.reference}.",
            f"Expected: {', '.join(column.name for column in base.schema.columns)}.",
        )
    numeric = pa.types.is_floating(examples.rows[LABEL].type)
    if numeric == bool(base.schema.labels):
        found, expected = "numeric targets", "class labels"
        if not numeric:
            found, expected = expected, found
        raise InvalidInput(
            f"The source has {found}, but {base.reference} has {expected}.",
            "Check [recipe] kind, or add the data as another dataset.",
        )


def _version(
    addition: Addition,
    number: int,
    digests: tuple[str, str],
    summary: DatasetSummary,
    verdict: Verdict,
    now: datetime,
) -> DatasetVersion:
    passed = verdict.outcome is Outcome.PASS
    return DatasetVersion(
        dataset=addition.dataset,
        number=number,
        digest=digests[0],
        evaluation_digest=digests[1],
        state=VersionState.RELEASED if passed else VersionState.QUARANTINED,
        schema=summary.schema,
        rows=summary.rows,
        splits=summary.splits,
        labels=summary.label_counts,
        profile=summary.profile,
        checks=verdict.checks,
        source=addition.source,
        note=addition.note,
        created_at=now.replace(microsecond=0),
        decisions=addition.examples.decisions,
        remarks=addition.examples.remarks,
    )


def _is_same(version: DatasetVersion, existing: DatasetVersion) -> bool:
    """Return whether nothing changed: neither the rows nor what the checks say of their source.

    A source that was repaired or damaged may contain the same readable rows.
    """
    now, then = ({check.check for check in v.failed_checks} for v in (version, existing))
    same_checks = now == then or (existing.state is VersionState.RELEASED and now < then)
    return same_checks and all(
        getattr(version, name) == getattr(existing, name)
        for name in ("digest", "schema", "split_plan", "settings")
    )


def _settings_read(addition: Addition, base: DatasetVersion | None) -> ReadSettings | None:
    """Return the settings that the rows were read with; retained ones were read with theirs."""
    if base is not None and addition.retained:
        if base.settings is None or not addition.labels:
            return base.settings
        return of_another_file(base.settings, addition.settings)
    return read_settings(addition.settings, addition.labels)


def _positive_label(
    addition: Addition, base: DatasetVersion | None, counts: Mapping[str, int]
) -> str | None:
    """Return the positive label of two: asked for, that of the base, or the rarer one."""
    if len(counts) != 2:
        return None
    before = base.positive_label if base is not None else None
    wanted = addition.positive_label or before
    # Of labels that are equally frequent, the last one.
    return wanted if wanted in counts else min(sorted(counts, reverse=True), key=counts.__getitem__)


def _labels(keys: pa.Table, positive_label: str | None) -> tuple[str, ...]:
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


def _changes(
    base: DatasetVersion | None, old: pa.Table | None, assigned: AssignedRows
) -> Changes | None:
    """Compare with the base version if it is released; a quarantined one is not comparable."""
    if base is None or old is None or base.is_quarantined:
        return None
    return compare(base, old, assigned.keys)


def _profile(
    store: DatasetStore,
    addition: Addition,
    assigned: AssignedRows,
    schema: Schema,
    base: DatasetVersion | None,
    table: pa.Table | None,
) -> Profile:
    if table is None:
        return profile_images(_image_properties(store, addition, assigned, base))
    profile = profile_table(table, schema.columns)
    if not schema.labels:
        profile[LABEL] = numeric_statistics(assigned.keys[LABEL].to_numpy())
    return profile


def _table(
    store: DatasetStore,
    addition: Addition,
    assigned: AssignedRows,
    schema: Schema,
    base: DatasetVersion | None,
) -> pa.Table | None:
    """Return the rows of the version in the order of their source, retained ones first.

    Its columns are ID, LABEL, SPLIT, TIMESTAMP, the features, and ROW, the number of the row in
    the file. It is None for images.
    """
    if schema.columns[0].kind is ColumnKind.IMAGE:
        return None
    names = [ID, LABEL, SPLIT, TIMESTAMP, *(column.name for column in schema.columns)]
    numbers = pa.array(addition.examples.numbers.of(assigned.current_positions), pa.int64())
    rows = assigned.current.select(names).append_column(ROW, numbers)
    if base is None or not addition.retained:
        return rows
    retained = rows_of(store.read(base, columns=names), addition.retained).select(names)
    no_number = pa.nulls(retained.num_rows, pa.int64())
    return pa.concat_tables([retained.append_column(ROW, no_number), rows])


def _features(
    store: DatasetStore, base: DatasetVersion, plan: SplitPlan | None, keys: pa.Table | None
) -> pa.Table | None:
    """Return the features of the base where new rows may be nearly equal to its rows."""
    is_random = plan is not None and plan.method is SplitMethod.RANDOM and not plan.by_row
    if keys is None or not is_random or base.schema.columns[0].kind is ColumnKind.IMAGE:
        return None
    return store.read(base, columns=[ID, *(column.name for column in base.schema.columns)])


def _image_properties(
    store: DatasetStore,
    addition: Addition,
    assigned: AssignedRows,
    base: DatasetVersion | None,
) -> dict[str, tuple[float, ...]]:
    """Return the properties of a sample of the version's images, by digest."""
    properties = addition.examples.properties
    rules = image_rules(addition.settings)
    digests = assigned.keys[DIGEST].to_pylist()
    sample = {digests[i]: assigned.keys[ID][i].as_py() for i in sample_by_digest(digests)}
    known = {digest: p for digest, p in properties.items() if digest in sample}
    unknown = {id_: digest for digest, id_ in sample.items() if digest not in known}
    if base is not None and unknown:
        images = store.read(base, columns=[ID, IMAGE], ids=list(unknown))
        for id_, image in zip(images[ID].to_pylist(), images[IMAGE].to_pylist(), strict=True):
            facts = inspect_image(image, rules)
            known[unknown[id_]] = (*facts.properties, *measure_image(image, rules))
    return known


def _reader(addition: Addition, assigned: AssignedRows) -> pa.RecordBatchReader:
    features = [c.name for c in addition.examples.columns if c.kind is not ColumnKind.IMAGE]
    rows = assigned.rows.select([*_ATTRIBUTES, *features])
    if addition.examples.fetch is None:
        return rows.to_reader()
    schema = rows.schema.append(pa.field(IMAGE, pa.large_binary()))
    return pa.RecordBatchReader.from_batches(schema, _image_batches(addition, assigned, rows))


def _image_batches(
    addition: Addition, assigned: AssignedRows, rows: pa.Table
) -> Iterator[pa.RecordBatch]:
    fetch = addition.examples.fetch
    assert fetch is not None
    for start in range(0, rows.num_rows, _IMAGES_PER_BATCH):
        positions = assigned.positions[start : start + _IMAGES_PER_BATCH]
        part = rows.slice(start, len(positions)).combine_chunks()
        images = pa.array(fetch(positions.tolist()), pa.large_binary())
        yield part.append_column(IMAGE, images).to_batches()[0]
        addition.progress("Writing images", start + len(positions), rows.num_rows)
