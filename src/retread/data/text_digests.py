"""The digests of rows in datasets of before `row_digests`: the sha256 of their values as text.

A dataset keeps the form of digests that it began with, so that its rows keep their ids and groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from retread.core import canonical_json
from retread.data.source import SourceExamples
from retread.data.store import DIGEST, TIMESTAMP
from retread.data.version import ColumnKind

_DIGITS = 64
_SEPARATOR = "\x1f"
_MISSING = "\x00"
_ESCAPE = "\x10"
_SPECIAL = r"([\x00\x10\x1f])"


def has_text_digests(rows: pa.Table | None) -> bool:
    """Return whether stored rows of a table have digests of this form."""
    return rows is not None and rows.num_rows > 0 and len(rows[DIGEST][0].as_py()) == _DIGITS


def with_text_digests(examples: SourceExamples, base: pa.Table | None) -> SourceExamples:
    """Return the examples of a table with digests in the form of the version they are added to.

    Args:
        examples: The examples of a source.
        base: The KEYS columns of the base version; None if there is none.
    """
    if examples.columns[0].kind is ColumnKind.IMAGE or not has_text_digests(base):
        return examples
    names = [column.name for column in examples.columns]
    rows = examples.rows
    digests = pa.array(text_digests(rows, [*names, TIMESTAMP]), pa.string())
    at = rows.column_names.index(DIGEST)
    return replace(
        examples,
        rows=rows.set_column(at, DIGEST, digests),
        similarity_keys=text_digests(rows, names),
    )


def text_digests(table: pa.Table, names: Sequence[str]) -> list[str]:
    """Return the sha256 of each row's values in the columns `names`, in hexadecimal."""
    header = hashlib.sha256(canonical_json(list(names)))
    separator = pa.scalar(_SEPARATOR, pa.large_string())
    columns = (_texts(table[name]) for name in names)
    joined = pc.binary_join_element_wise(*columns, separator, null_handling="emit_null")
    digests = []
    for text in joined.cast(pa.large_binary()).to_pylist():
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
