"""Digests of rows and of versions, and the verification of stored versions against them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import IntegrityBroken, canonical_json, digest_bytes
from retread.data.store import (
    DIGEST,
    ID,
    IMAGE,
    LABEL,
    SPLIT,
    TIMESTAMP,
    DatasetStore,
    key_tuples,
)
from retread.data.version import Column, ColumnKind, DatasetVersion, Split

_SEPARATOR = "\x1f"
_MISSING = "\x00"
_ESCAPE = "\x10"
_SPECIAL = r"([\x00\x10\x1f])"


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
    digests = zip(rows[ID].to_pylist(), rows[DIGEST].to_pylist(), computed, strict=True)
    for id_, recorded, found in digests:
        if recorded != found:
            raise _broken(version, f"row {id_}")
    if rows.num_rows != version.rows or version_digest(rows) != version.digest:
        raise _broken(version, "the list of rows")
    if evaluation_digest(rows) != version.evaluation_digest:
        raise _broken(version, "the evaluation split")
    return version.rows


def version_digest(rows: pa.Table) -> str:
    """Digest the KEYS of a version's rows, which are sorted by id."""
    return digest_bytes(canonical_json(key_tuples(rows)))


def evaluation_digest(rows: pa.Table) -> str:
    """Digest the ids, labels and contents of the evaluation split: what determines a metric."""
    evaluation = rows.filter(pc.equal(rows[SPLIT], Split.EVALUATION.value))
    columns = [evaluation[name].to_pylist() for name in (ID, LABEL, DIGEST)]
    return digest_bytes(canonical_json(list(zip(*columns, strict=True))))


def row_digests(table: pa.Table, names: Sequence[str]) -> list[str]:
    """Return the sha256 of each row's values in the columns `names`, in hexadecimal."""
    if not table.num_rows:
        return []
    return _digests(_joined(*(_texts(table[name]) for name in names)), names)


def table_digests(table: pa.Table, columns: Sequence[Column]) -> tuple[list[str], list[str]]:
    """Return the digest of each row's content, and that of its features alone."""
    if not table.num_rows:
        return [], []
    names = [column.name for column in columns]
    features = _joined(*(_texts(table[name]) for name in names))
    content = _joined(features, _texts(table[TIMESTAMP]))
    return _digests(content, content_columns(columns)), _digests(features, names)


def content_columns(columns: Sequence[Column]) -> list[str]:
    """Return the columns whose values identify an example: its features and its timestamp."""
    return [*(column.name for column in columns), TIMESTAMP]


def _content_digests(rows: pa.Table, columns: Sequence[Column]) -> list[str]:
    """Compute what the digest column of stored rows must contain."""
    if columns[0].kind is ColumnKind.IMAGE:
        images = (image for chunk in rows[IMAGE].chunks for image in chunk)
        return [hashlib.sha256(image.as_buffer()).hexdigest() for image in images]
    return row_digests(rows, content_columns(columns))


def _joined(*texts: pa.ChunkedArray) -> pa.ChunkedArray:
    separator = pa.scalar(_SEPARATOR, pa.large_string())
    return pc.binary_join_element_wise(*texts, separator, null_handling="emit_null")


def _digests(texts: pa.ChunkedArray, names: Sequence[str]) -> list[str]:
    header = hashlib.sha256(canonical_json(list(names)))
    digests = []
    for text in texts.cast(pa.large_binary()).to_pylist():
        row = header.copy()
        row.update(text)
        digests.append(row.hexdigest())
    return digests


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Convert values to text, escaped so that different rows never join to the same text."""
    text = values.cast(pa.large_string())
    if pa.types.is_string(values.type):
        text = pc.replace_substring_regex(text, _SPECIAL, rf"{_ESCAPE}\1")
    return pc.fill_null(text, _MISSING)


def _broken(version: DatasetVersion, part: str) -> IntegrityBroken:
    return IntegrityBroken(
        f"{version.reference} is damaged: {part} does not match its digest.",
        "Restore the dataset from a backup.",
    )
