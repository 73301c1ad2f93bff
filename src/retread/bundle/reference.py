"""The reference profile: held-out data from training time, with which traffic is compared.

It is bounded, whatever the table holds: in rows, in categories per column, and in the length of a
text. Traffic is brought into the same form before it is compared.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle.arrays import Texts, pack_arrays, texts, unpack_arrays

CONFIDENCE = "predicted confidence"
PREDICTED_LABEL = "predicted label"
PREDICTED_VALUE = "predicted value"
"""Names of the streams of predictions. The blank keeps them apart from most column names."""

OTHER_CATEGORIES = "(other categories)"
"""Stands for the categories of a column that a bounded reference does not tell apart."""

MAX_BYTES = 10_000_000
"""A reference never takes more than this."""

LONGEST_TEXT = 100
"""Longer texts are cut, and told apart by a digest."""

_MOST_ROWS = 10_000
_MOST_CATEGORIES = 1000
_FEWEST_CATEGORIES = 2
_NUMBER, _CODE = 8, 4
_BYTES_PER_CATEGORY = 4 * LONGEST_TEXT + _NUMBER
_BYTES_OF_TEXTS = 3 * MAX_BYTES // 10
_BYTES_OF_ROWS = 6 * MAX_BYTES // 10
_SEPARATOR = ":"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Held-out examples (of the validation and evaluation splits, never of the training split).

    Attributes:
        numeric: Streams by name, float64 [n]: features, image statistics, CONFIDENCE, and
            PREDICTED_VALUE for regression.
        categorical: Streams by name, texts [n]: categorical features, and PREDICTED_LABEL for
            classification.
        embedding: Embeddings, float32 [n, E], or [n, 0] for models without them.
        groups: Equal texts or numbers for examples of one group, [n], or [0] if unknown. Examples
            of one group (such as photos of the same tire) are correlated and carry less
            information than as many independent ones.
    """

    numeric: Mapping[str, npt.NDArray[np.float64]]
    categorical: Mapping[str, Texts]
    embedding: npt.NDArray[np.float32]
    groups: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def reference_rows(numeric: int, categorical: int, embedding: int) -> int:
    """Return how many rows a reference may have, so that it stays within MAX_BYTES.

    Args:
        numeric: Number of numeric streams.
        categorical: Number of categorical streams.
        embedding: Length of the embeddings.

    >>> reference_rows(20, 5, 0), reference_rows(3000, 0, 0)
    (10000, 249)
    """
    row = _NUMBER * numeric + _CODE * (categorical + embedding) + _NUMBER
    return max(1, min(_MOST_ROWS, _BYTES_OF_ROWS // row))


def short_text(text: str) -> str:
    """Return a category as it is kept in a reference: a long text is cut and has a digest.

    >>> short_text("red")
    'red'
    >>> len(short_text("x" * 100_000))
    100
    """
    if len(text) <= LONGEST_TEXT:
        return text
    mark = "..." + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return text[: LONGEST_TEXT - len(mark)] + mark


def bounded_categories(values: Texts, columns: int) -> Texts:
    """Bring a categorical stream of a reference into its bounded form.

    Args:
        values: Texts [n].
        columns: Number of categorical streams that share the space.
    """
    room = _BYTES_OF_TEXTS // (_BYTES_PER_CATEGORY * max(columns, 1))
    most = max(_FEWEST_CATEGORIES, min(_MOST_CATEGORIES, room))
    short = texts([short_text(text) for text in values.tolist()])
    known, codes, counts = np.unique(short, return_inverse=True, return_counts=True)
    if len(known) <= most:
        return short
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    known[rank >= most - 1] = OTHER_CATEGORIES
    found: Texts = known[codes]
    return found


def like_reference(values: Collection[str], reference: Texts) -> list[str]:
    """Bring categories of traffic into the form of those of a reference.

    Args:
        values: Categories of traffic.
        reference: The categorical stream of the reference, in its bounded form.

    >>> like_reference(["a", "z"], texts(["a", OTHER_CATEGORIES]))
    ['a', '(other categories)']
    """
    short = [short_text(value) for value in values]
    known = set(reference.tolist())
    if OTHER_CATEGORIES not in known:
        return short
    return [value if value in known else OTHER_CATEGORIES for value in short]


def encode_reference(reference: Reference) -> bytes:
    """Bound the categories of a reference profile, and encode it as an npz file."""
    _, groups = np.unique(reference.groups, return_inverse=True)
    arrays: dict[str, npt.NDArray[Any]] = {"embedding": reference.embedding, "groups": groups}
    arrays |= {f"numeric{_SEPARATOR}{k}": v for k, v in reference.numeric.items()}
    for name, values in reference.categorical.items():
        bounded = bounded_categories(values, len(reference.categorical))
        known, codes = np.unique(bounded, return_inverse=True)
        arrays[f"categorical{_SEPARATOR}{name}"] = known
        arrays[f"codes{_SEPARATOR}{name}"] = codes.astype(np.int32)
    return pack_arrays(**arrays)


def decode_reference(content: bytes) -> Reference:
    """Decode what `encode_reference` returned."""
    arrays = unpack_arrays(io.BytesIO(content))
    codes = _with_prefix(arrays, "codes")
    known = _with_prefix(arrays, "categorical")
    return Reference(
        numeric=_with_prefix(arrays, "numeric"),
        categorical={name: known[name][codes[name]] for name in known},
        embedding=arrays["embedding"],
        groups=arrays["groups"],
    )


def _with_prefix(arrays: dict[str, npt.NDArray[Any]], kind: str) -> dict[str, npt.NDArray[Any]]:
    start = f"{kind}{_SEPARATOR}"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
