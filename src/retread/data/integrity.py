"""Digests of rows and of versions, and the verification of stored versions against them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import IntegrityBroken, canonical_json
from retread.data.row_digests import row_digests
from retread.data.store import DIGEST, ID, IMAGE, KEYS, LABEL, SPLIT, TIMESTAMP, DatasetStore
from retread.data.text_digests import has_text_digests, text_digests
from retread.data.version import Column, ColumnKind, DatasetVersion, Split

_ROWS_PER_BATCH = 2**16


def verify(store: DatasetStore, version: DatasetVersion) -> int:
    """Recompute the digest of every stored file, row and split of a version.

    Args:
        store: The store that holds the version.
        version: The version to verify.

    Returns:
        The number of rows.

    Raises:
        IntegrityBroken: A digest does not match; the message names the first such part.
    """
    store.verify_storage(version)
    rows = store.read(version)
    computed = _content_digests(rows, version.schema.columns)
    wrong = pc.index(pc.equal(rows[DIGEST], computed), False).as_py()
    if wrong >= 0:
        raise _broken(version, f"row {rows[ID][wrong]}")
    if rows.num_rows != version.rows or version_digest(rows) != version.digest:
        raise _broken(version, "the list of rows")
    if evaluation_digest(rows) != version.evaluation_digest:
        raise _broken(version, "the evaluation split")
    return version.rows


def version_digest(rows: pa.Table) -> str:
    """Digest the KEYS of a version's rows, which are sorted by id."""
    # Integers, because times have no form in JSON.
    times = rows[TIMESTAMP].cast(pa.int64())
    return _digest_of(rows.select(list(KEYS)).set_column(KEYS.index(TIMESTAMP), TIMESTAMP, times))


def evaluation_digest(rows: pa.Table) -> str:
    """Digest the ids, labels and contents of the evaluation split: what determines a metric."""
    evaluation = rows.filter(pc.equal(rows[SPLIT], Split.EVALUATION.value))
    return _digest_of(evaluation.select([ID, LABEL, DIGEST]))


def _digest_of(rows: pa.Table) -> str:
    """Return the sha256 of rows as canonical JSON: a list of lists."""
    digest = hashlib.sha256(b"[")
    skipped = len("],")
    for batch in rows.to_batches(max_chunksize=_ROWS_PER_BATCH):
        parts: list[pa.Array | pa.Scalar] = []
        before = "],["
        for column in batch.columns:
            text, quote = _as_json(column)
            parts += [pa.scalar(before + quote, pa.large_string()), text]
            before = quote + ","
        parts.append(pa.scalar(before[:-1], pa.large_string()))
        joined = pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))
        digest.update(memoryview(joined.buffers()[2])[skipped:])
        skipped = 0
    digest.update(b"]]" if rows.num_rows else b"]")
    return f"sha256:{digest.hexdigest()}"


def _as_json(values: pa.Array) -> tuple[pa.Array, str]:
    """Return each value as JSON, but for quotes, and the quotes that it needs."""
    if pa.types.is_string(values.type) and not values.null_count:
        wide = values.cast(pa.large_string())
        offsets = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset :][: len(wide) + 1]
        content = np.frombuffer(wide.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
        if not len(content) or not _has_escapes(content):
            return wide, '"'
    if values.null_count == len(values):
        return pa.repeat(pa.scalar("null", pa.large_string()), len(values)), ""
    encoded = values.dictionary_encode()
    texts = [canonical_json(value).decode() for value in encoded.dictionary.to_pylist()]
    return pc.fill_null(pa.array(texts, pa.large_string()).take(encoded.indices), "null"), ""


def _has_escapes(content: npt.NDArray[np.uint8]) -> bool:
    """Return whether JSON escapes any of these characters."""
    found = content.min() < ord(" ") or (content == ord('"')).any() or (content == ord("\\")).any()
    return bool(found)


def content_columns(columns: Sequence[Column]) -> list[str]:
    """Return the columns whose values identify an example: its features and its timestamp."""
    return [*(column.name for column in columns), TIMESTAMP]


def _content_digests(rows: pa.Table, columns: Sequence[Column]) -> pa.Array:
    """Compute what the digest column of stored rows must contain."""
    if columns[0].kind is ColumnKind.IMAGE:
        images = (image for chunk in rows[IMAGE].chunks for image in chunk)
        return pa.array([hashlib.sha256(image.as_buffer()).hexdigest() for image in images])
    if has_text_digests(rows):
        return pa.array(text_digests(rows, content_columns(columns)), pa.string())
    return row_digests(rows, content_columns(columns))


def _broken(version: DatasetVersion, part: str) -> IntegrityBroken:
    return IntegrityBroken(
        f"{version.reference} is damaged: {part} does not match its digest.",
        "Restore the dataset from a backup.",
    )
