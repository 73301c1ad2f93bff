"""Read image files, or images in memory, on all cores into the examples of a source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import pyarrow as pa
from PIL import Image

from retread.bundle import ImageRules
from retread.core import Conflict, InvalidInput
from retread.data.images.copies import copies_by_name
from retread.data.images.findings import Inspected, find, remarks_on
from retread.data.images.index import (
    FileIndex,
    decoding_of,
    load_index,
    save_index,
    stamp_of,
    wall_clock_ns,
)
from retread.data.images.inspection import (
    ImageFacts,
    image_rules,
    inspect_images,
    measure_image,
    sample_by_digest,
)
from retread.data.source import Fetch, Progress, SourceExamples, SourceRequest
from retread.data.store import DIGEST, GROUP, IMAGE, LABEL, SOURCE, SPLIT, TIMESTAMP
from retread.data.version import Column, ColumnKind, Split

_COLUMNS = (Column(name=IMAGE, kind=ColumnKind.IMAGE),)
_IMAGES_PER_TASK = 64
_CACHE_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A labelled image file.

    Attributes:
        path: Where the file is.
        name: Its path in the source.
        label: Its label.
        status: Its size, times and inode.
        group: Its group; None if the source gives none.
        timestamp: When the image was taken; None if the source does not say.
        split: The split that the source gives it; None if it gives none.
        copy_of: The name of the file that it is a copy of, judged by its own; None if of none.
    """

    path: str
    name: str
    label: str
    status: os.stat_result
    group: str | None = None
    timestamp: datetime | None = None
    split: Split | None = None
    copy_of: str | None = None


def with_copies(files: Sequence[ImageFile]) -> tuple[list[ImageFile], tuple[str, ...]]:
    """Mark the files that are copies of others by their names, and say how many."""
    originals = copies_by_name([(file.name, file.label) for file in files])
    if not originals:
        return list(files), ()
    copies = [name for name, original in originals.items() if name != original]
    remark = (
        f"{len(copies)} files are copies of others by their names, such as {copies[0]} of "
        f"{originals[copies[0]]}: each is kept in the split of its original."
    )
    return [replace(file, copy_of=originals.get(file.name)) for file in files], (remark,)


def gather_files(
    files: Sequence[ImageFile],
    request: SourceRequest,
    left_out: Mapping[str, int],
    remarks: Sequence[str],
) -> SourceExamples:
    """Read labelled image files, except those that are unchanged since the index was written.

    Args:
        files: The files to read.
        request: The request, for its index, settings and progress.
        left_out: The number of files of the source that are no images, by ending.
        remarks: How the source was read.

    Raises:
        InvalidInput: None of the images can be read, or none of one label.
    """
    started = wall_clock_ns()
    rules = image_rules(request.settings)
    index = load_index(request.index, decoding_of(rules))
    stamps = [stamp_of(file.status) for file in files]
    known = [index.facts(f.path, s) for f, s in zip(files, stamps, strict=True)]
    contents = _Contents([file.path for file in files])
    facts = _measured(_inspect_all(known, contents, rules, request.progress), contents, rules)
    if request.index is not None and facts != known:
        entries = {f.path: (s, a) for f, s, a in zip(files, stamps, facts, strict=True)}
        save_index(request.index, FileIndex(index.decoding, entries), started)
    _check_labels(files, facts)
    attributes = {
        TIMESTAMP: pa.array([file.timestamp for file in files], pa.timestamp("us", tz="UTC")),
        LABEL: pa.array([file.label for file in files], pa.string()),
        GROUP: pa.array([file.group for file in files], pa.string()),
        SOURCE: pa.array([file.name for file in files], pa.string()),
    }
    if any(file.split for file in files):
        attributes[SPLIT] = pa.array([file.split for file in files], pa.string())
    examples = _examples(pa.table(attributes), facts, contents, rules, left_out)
    keys = [key for key, f in zip(_keys(files, facts), facts, strict=True) if f.is_readable]
    return replace(examples, similarity_keys=keys, remarks=(*remarks, *examples.remarks))


def gather_contents(
    images: Sequence[bytes], attributes: pa.Table, request: SourceRequest
) -> SourceExamples:
    """Read images in memory.

    Args:
        images: The bytes of the images.
        attributes: A row per image, with LABEL, GROUP, TIMESTAMP, SOURCE and optionally ID.
        request: The request, for its progress.

    Raises:
        InvalidInput: None of the images can be read.
    """
    contents = _Contents([], dict(enumerate(images)))
    rules = image_rules(request.settings)
    facts = _inspect_all([None] * len(images), contents, rules, request.progress)
    return _examples(attributes, _measured(facts, contents, rules), contents, rules, {})


def _examples(
    attributes: pa.Table,
    facts: Sequence[ImageFacts],
    contents: _Contents,
    rules: ImageRules,
    left_out: Mapping[str, int],
) -> SourceExamples:
    names = attributes[SOURCE].to_pylist()
    labels = attributes[LABEL].to_pylist()
    unreadable = tuple(
        f"{name}: {fact.error}"
        for name, fact in zip(names, facts, strict=True)
        if not fact.is_readable
    )
    readable = [i for i, fact in enumerate(facts) if fact.is_readable]
    if not readable:
        raise InvalidInput(
            f"None of the {len(facts)} images can be read; {unreadable[0]}.",
            "Add readable JPEG, PNG, WEBP or BMP files.",
        )
    inspected = [Inspected(names[i], labels[i], facts[i], i) for i in readable]
    findings = find(inspected, contents.get, rules, left_out)
    digests = [facts[i].digest for i in readable]
    rows = attributes.take(pa.array(readable))
    return SourceExamples(
        columns=_COLUMNS,
        rows=rows.append_column(DIGEST, pa.array(digests, pa.string())),
        similarity_keys=[facts[i].similarity_key for i in readable],
        unreadable=unreadable,
        fetch=_fetch_of(readable, digests, contents, names),
        properties={facts[i].digest: facts[i].properties for i in readable if facts[i].statistics},
        findings=findings,
        remarks=remarks_on(findings, inspected, unreadable),
    )


def _check_labels(files: Sequence[ImageFile], facts: Sequence[ImageFacts]) -> None:
    """Raise InvalidInput if no image of a label can be read, so that the label would be lost."""
    readable = {file.label for file, fact in zip(files, facts, strict=True) if fact.is_readable}
    for file, fact in zip(files, facts, strict=True):
        if readable and file.label not in readable:
            count = sum(other.label == file.label for other in files)
            raise InvalidInput(
                f"None of the {count} images of label {file.label!r} can be read; {file.name}: "
                f"{fact.error}.",
                "Convert them to JPEG or PNG, or remove the label.",
            )


def _keys(files: Sequence[ImageFile], facts: Sequence[ImageFacts]) -> list[str]:
    """Return the similarity key of each file; a copy has that of its original."""
    keys: dict[str, str] = {}
    for file, fact in zip(files, facts, strict=True):
        if fact.is_readable and (file.copy_of is None or file.copy_of == file.name):
            keys[file.name] = fact.similarity_key
    for file, fact in zip(files, facts, strict=True):
        if fact.is_readable:
            keys.setdefault(file.copy_of or file.name, fact.similarity_key)
    return [keys.get(file.copy_of or file.name, "") for file in files]


def _fetch_of(
    readable: Sequence[int], digests: Sequence[str], contents: _Contents, names: Sequence[str]
) -> Fetch:
    def fetch(rows: Sequence[int]) -> list[bytes]:
        return [image(row) for row in rows]

    def image(row: int) -> bytes:
        position = readable[row]
        cached = contents.cached(position)
        if cached is not None:
            return cached
        content = contents.get(position)
        if hashlib.sha256(content).hexdigest() != digests[row]:
            raise Conflict(
                f"{names[position]} changed while it was being added.",
                "Add the data again when nothing writes to it.",
            )
        return content

    return fetch


def _inspect_all(
    known: Sequence[ImageFacts | None],
    contents: _Contents,
    rules: ImageRules,
    progress: Progress,
) -> list[ImageFacts]:
    """Return the facts of every image; only those that are not known are read."""
    facts = list(known)
    unknown = [position for position, fact in enumerate(known) if fact is None]
    step = _IMAGES_PER_TASK
    tasks = [unknown[i : i + step] for i in range(0, len(unknown), step)]
    Image.init()

    def inspect(positions: Sequence[int]) -> list[ImageFacts]:
        return inspect_images([contents.read(position) for position in positions], rules)

    done = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for positions, found in zip(tasks, pool.map(inspect, tasks), strict=True):
            for position, fact in zip(positions, found, strict=True):
                facts[position] = fact
            done += len(positions)
            progress("Reading images", done, len(unknown))
    return [fact for fact in facts if fact is not None]


def _measured(facts: list[ImageFacts], contents: _Contents, rules: ImageRules) -> list[ImageFacts]:
    """Add the statistics of a sample of the readable images."""
    readable = [i for i, fact in enumerate(facts) if fact.is_readable]
    sample = [readable[i] for i in sample_by_digest([facts[i].digest for i in readable])]
    missing = [position for position in sample if not facts[position].statistics]
    measured = list(facts)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = pool.map(lambda position: measure_image(contents.get(position), rules), missing)
        for position, statistics in zip(missing, found, strict=True):
            measured[position] = msgspec.structs.replace(facts[position], statistics=statistics)
    return measured


class _Contents:
    """The bytes of images by position; those read once are cached while they fit into memory."""

    def __init__(self, paths: Sequence[str], cache: dict[int, bytes] | None = None) -> None:
        self._paths = paths
        self._cache = cache or {}
        self._room = _CACHE_BYTES

    def read(self, position: int) -> bytes:
        """Return the bytes of an image, and cache them if there is room."""
        content = self.get(position)
        if len(content) < self._room:
            self._room -= len(content)
            self._cache[position] = content
        return content

    def cached(self, position: int) -> bytes | None:
        """Return the bytes of an image if they are cached."""
        return self._cache.get(position)

    def get(self, position: int) -> bytes:
        """Return the bytes of an image.

        Raises:
            InvalidInput: The file is gone, or may not be read.
        """
        cached = self._cache.get(position)
        if cached is not None:
            return cached
        # A third of the time of Path.read_bytes, which matters for small images.
        try:
            descriptor = os.open(self._paths[position], os.O_RDONLY)
            try:
                return _read_all(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise InvalidInput(
                f"{self._paths[position]} cannot be read: {error.strerror}.",
                "Allow reading it, or remove it.",
            ) from error


def _read_all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    content = os.read(descriptor, size)
    while len(content) < size and (more := os.read(descriptor, size - len(content))):
        content += more
    return content
