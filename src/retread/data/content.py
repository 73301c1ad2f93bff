"""Digests of rows: of an image its bytes, of a table's row its values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import canonical_json, digest_bytes
from retread.data.store import DIGEST, ID, IMAGE, LABEL, SPLIT, TIMESTAMP, key_tuples
from retread.data.version import Column, ColumnKind, Split

_SEPARATOR = "\x1f"
_MISSING = "\x00"
_ESCAPE = "\x10"
_SPECIAL = r"([\x00\x10\x1f])"


def row_digests(table: pa.Table, names: Sequence[str]) -> list[str]:
    """sha256, in hexadecimal, of the values of each row in the columns `names`."""
    if not table.num_rows:
        return []
    header = hashlib.sha256(canonical_json(list(names)))
    texts = [_texts(table[name]) for name in names]
    joined = pc.binary_join_element_wise(
        *texts, pa.scalar(_SEPARATOR, pa.large_string()), null_handling="emit_null"
    )
    digests = []
    for text in joined.to_pylist():
        row = header.copy()
        row.update(text.encode())
        digests.append(row.hexdigest())
    return digests


def stored_digests(rows: pa.Table, columns: Sequence[Column]) -> list[str]:
    """What the digest column of stored `rows` must be."""
    if columns[0].kind is ColumnKind.IMAGE:
        images = (image for chunk in rows[IMAGE].chunks for image in chunk)
        return [hashlib.sha256(image.as_buffer()).hexdigest() for image in images]
    return row_digests(rows, content_names(columns))


def content_names(columns: Sequence[Column]) -> list[str]:
    """The columns of a table that make an example what it is: features, and when it happened."""
    return [*(column.name for column in columns), TIMESTAMP]


def version_digest(rows: pa.Table) -> str:
    """Digest of a version's rows, sorted by id: the KEYS of each."""
    return digest_bytes(canonical_json(key_tuples(rows)))


def evaluation_digest(rows: pa.Table) -> str:
    """Digest of the evaluation split: ids, labels and contents decide a metric, and no more."""
    evaluation = rows.filter(pc.equal(rows[SPLIT], Split.EVALUATION.value))
    columns = [evaluation[name].to_pylist() for name in (ID, LABEL, DIGEST)]
    return digest_bytes(canonical_json(list(zip(*columns, strict=True))))


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as text in which no other value can hide, whatever is in a string."""
    text = values.cast(pa.large_string())
    if pa.types.is_string(values.type):
        text = pc.replace_substring_regex(text, _SPECIAL, rf"{_ESCAPE}\1")
    return pc.fill_null(text, _MISSING)
