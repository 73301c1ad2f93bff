"""The categories that a model saw in training, by which a request's unknown ones are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from retread.core import IntegrityBroken, canonical_json

MOST_BYTES = 2**20
"""The most text that a column's categories may have in a bundle. A column beyond is left out."""


def encode_categories(columns: Mapping[str, Collection[str]]) -> bytes:
    """Encode the categories of each column; of a column with too many, none are kept.

    >>> encode_categories({"colour": {"red", "blue"}, "comment": ["x" * 2_000_000]})
    b'{"colour":["blue","red"]}'
    """
    kept = {
        name: sorted(categories)
        for name, categories in columns.items()
        if sum(len(text.encode()) for text in categories) <= MOST_BYTES
    }
    return canonical_json(kept)


def decode_categories(content: bytes) -> dict[str, frozenset[str]]:
    """Decode what `encode_categories` returned; a column that is absent may hold any category.

    Raises:
        IntegrityBroken: It is something else.
    """
    try:
        return msgspec.json.decode(content, type=dict[str, frozenset[str]])
    except msgspec.DecodeError as error:
        raise IntegrityBroken(
            f"The known categories of a bundle are malformed: {error}."
        ) from error
