"""From image files, or images in memory, to the examples of a source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa

from retread.core import Conflict, InvalidInput
from retread.data.gathered import Fetch, SourceExamples, SourceRequest
from retread.data.images.facts import ImageFacts, sample_by_digest
from retread.data.images.index import load_index, save_index, stamp_of, wall_clock_ns
from retread.data.images.reading import Contents, inspect_all, measure_all
from retread.data.store import DIGEST, GROUP, IMAGE, LABEL, SOURCE, TIMESTAMP
from retread.data.version import Column, ColumnKind

_COLUMNS = (Column(name=IMAGE, kind=ColumnKind.IMAGE),)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One labelled file: where it is, and what it is called in the source."""

    path: str
    name: str
    label: str
    status: os.stat_result
    group: str | None = None
    timestamp: datetime | None = None


def gather_files(files: Sequence[ImageFile], request: SourceRequest) -> SourceExamples:
    """Read every file that changed since the index was written."""
    started = wall_clock_ns()
    index = load_index(request.index)
    stamps = [stamp_of(file.status) for file in files]
    known = [index.facts(f.path, s) for f, s in zip(files, stamps, strict=True)]
    contents = Contents([file.path for file in files])
    facts = inspect_all(known, contents, request.progress)
    facts = _measured(facts, contents)
    if request.index is not None and facts != known:
        entries = zip(files, stamps, facts, strict=True)
        save_index(request.index, {f.path: (s, a) for f, s, a in entries}, started)
    return _gathered(files, facts, contents)


def gather_contents(
    images: Sequence[bytes], rows: pa.Table, request: SourceRequest
) -> SourceExamples:
    """Images in memory; `rows` has LABEL, GROUP, TIMESTAMP, SOURCE, and may have ID."""
    contents = Contents([], dict(enumerate(images)))
    facts = inspect_all([None] * len(images), contents, request.progress)
    facts = _measured(facts, contents)
    readable = [i for i, fact in enumerate(facts) if not fact.error]
    sources = rows[SOURCE].to_pylist()
    if not readable:
        raise _nothing_readable([(sources[i], facts[i]) for i in range(len(facts))])
    table = rows.take(pa.array(readable)).append_column(
        DIGEST, pa.array([facts[i].digest for i in readable], pa.string())
    )
    return SourceExamples(
        columns=_COLUMNS,
        rows=table,
        nearness=[facts[i].nearness for i in readable],
        unreadable=tuple(f"{sources[i]}: {f.error}" for i, f in enumerate(facts) if f.error),
        fetch=_fetching(readable, [facts[i].digest for i in readable], contents, sources),
        measures=_measures([facts[i] for i in readable]),
    )


def _gathered(
    files: Sequence[ImageFile], facts: Sequence[ImageFacts], contents: Contents
) -> SourceExamples:
    readable = [i for i, fact in enumerate(facts) if not fact.error]
    if not readable:
        raise _nothing_readable([(f.name, a) for f, a in zip(files, facts, strict=True)])
    good = [files[i] for i in readable]
    digests = [facts[i].digest for i in readable]
    columns = {
        TIMESTAMP: pa.array([file.timestamp for file in good], pa.timestamp("us", tz="UTC")),
        LABEL: pa.array([file.label for file in good], pa.string()),
        GROUP: pa.array([file.group for file in good], pa.string()),
        SOURCE: pa.array([file.name for file in good], pa.string()),
        DIGEST: pa.array(digests, pa.string()),
    }
    return SourceExamples(
        columns=_COLUMNS,
        rows=pa.table(columns),
        nearness=[facts[i].nearness for i in readable],
        unreadable=tuple(f"{files[i].name}: {f.error}" for i, f in enumerate(facts) if f.error),
        fetch=_fetching(readable, digests, contents, [file.name for file in files]),
        measures=_measures([facts[i] for i in readable]),
    )


def _fetching(
    places: Sequence[int], digests: Sequence[str], contents: Contents, names: Sequence[str]
) -> Fetch:
    def fetch(positions: Sequence[int]) -> list[bytes]:
        return [image(position) for position in positions]

    def image(position: int) -> bytes:
        place = places[position]
        kept = contents.kept(place)
        if kept is not None:
            return kept
        content = contents.get(place)
        if hashlib.sha256(content).hexdigest() != digests[position]:
            raise Conflict(
                f"{names[place]} changed while it was being added.",
                "Add the data again when nothing writes to it.",
            )
        return content

    return fetch


def _measured(facts: list[ImageFacts], contents: Contents) -> list[ImageFacts]:
    readable = [i for i, fact in enumerate(facts) if not fact.error]
    sample = [readable[i] for i in sample_by_digest([facts[i].digest for i in readable])]
    missing = [place for place in sample if not facts[place].statistics]
    measured = list(facts)
    for place, statistics in zip(missing, measure_all(missing, contents), strict=True):
        measured[place] = msgspec.structs.replace(facts[place], statistics=statistics)
    return measured


def _measures(facts: Sequence[ImageFacts]) -> dict[str, tuple[float, ...]]:
    return {f.digest: f.measures for f in facts if f.statistics}


def _nothing_readable(images: Iterable[tuple[str, ImageFacts]]) -> InvalidInput:
    listed = list(images)
    name, facts = listed[0]
    return InvalidInput(
        f"None of the {len(listed)} images can be read; {name}: {facts.error}.",
        "Add readable JPEG, PNG, WEBP or BMP files.",
    )
