"""Digest the rows of a table, column by column: 128 bits that depend on the values of a row alone.

A hash function of the library per row would take most of the time of `data add`. Here each value
is mixed into two words of 64 bits, for all rows at once, with the finalizers of MurmurHash3
(Appleby) and SplitMix64 (Steele et al. 2014, variant 13 of Stafford), so that rows by chance never
have the same digest. It is no protection against somebody who makes two such rows on purpose; the
files of a version and the list of its rows have a sha256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from retread.core import canonical_json

Words = npt.NDArray[np.uint64]

CONTENT = ":content"
"""What the name of a group of equal rows ends with, after their digest."""

_BLOCK = 2**14
"""Rows that are mixed at a time: few enough for the processor's cache."""

_MISSING = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
# Multiplier of a value, then shift, multiplier, shift, multiplier, shift of the finalizer.
_MIXERS = (
    (0x9FB21C651E98DF25, 33, 0xFF51AFD7ED558CCD, 33, 0xC4CEB9FE1A85EC53, 33),
    (0xD6E8FEB86659FD93, 30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB, 31),
)
_HEX = np.array([int.from_bytes(f"{byte:02x}".encode(), "little") for byte in range(256)], "<u2")


class RowDigests:
    """The digests of rows, extended by one column after another.

    >>> digests = RowDigests(2, ["x"])
    >>> digests.add(pa.chunked_array([[1.0, 2.0]]))
    >>> digests.texts().to_pylist()
    ['0a40680a415fd98d05a5a62c31b922d2', '4d05453bc900207b2e45fba06efde5e6']

    Args:
        rows: The number of rows.
        names: The names of the columns, which count as part of each row.
    """

    def __init__(self, rows: int, names: Sequence[str]) -> None:
        header = hashlib.sha256(canonical_json(list(names))).digest()
        start = np.frombuffer(header[:16], "<u8").astype(np.uint64)
        self.words: tuple[Words, Words] = (np.full(rows, start[0]), np.full(rows, start[1]))

    def add(self, values: pa.ChunkedArray | pa.Array) -> None:
        """Mix the values of a column into the digests."""
        codes = _codes(values)
        missing = np.asarray(values.is_null()) if values.null_count else None
        for lane, words in enumerate(self.words):
            for start in range(0, len(words), _BLOCK):
                block = slice(start, start + _BLOCK)
                code = codes[min(lane, len(codes) - 1)][block].copy()
                if missing is not None:
                    code[missing[block]] = _MISSING[lane]
                _mix(words[block], code, *_MIXERS[lane])

    def texts(self, suffix: str = "") -> pa.StringArray:
        """Return the digests as 32 hexadecimal digits before a suffix."""
        return _hexadecimal(self.words, suffix)


def row_digests(table: pa.Table, names: Sequence[str]) -> pa.StringArray:
    """Return the digest of each row's values in the columns `names`, in hexadecimal."""
    digests = RowDigests(table.num_rows, names)
    for name in names:
        digests.add(table[name])
    return digests.texts()


def leading_words(texts: pa.Array) -> Words | None:
    """Return the first 16 hexadecimal digits of texts of one length; None where they are not."""
    wide = texts.cast(pa.large_string())
    bounds = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset :][: len(wide) + 1]
    width = int(bounds[1] - bounds[0]) if len(wide) else 0
    if width < 16 or not (np.diff(bounds) == width).all():
        return None
    content = np.frombuffer(wide.buffers()[2], np.uint8)[bounds[0] : bounds[-1]]
    digits = content.reshape(-1, width)[:, :16].tobytes()
    try:
        found = np.frombuffer(bytes.fromhex(digits.decode("ascii")), ">u8")
    except ValueError:
        return None
    return found.astype(np.uint64) if len(found) == len(wide) else None


def _hexadecimal(words: Sequence[Words], suffix: str) -> pa.StringArray:
    rows, digits = len(words[0]), 16 * len(words)
    width = digits + len(suffix)
    bytes_ = np.stack([word.astype(">u8") for word in words], axis=1).view(np.uint8)
    text = np.empty((rows, width), np.uint8)
    text[:, :digits] = _HEX[bytes_].view(np.uint8)
    text[:, digits:] = np.frombuffer(suffix.encode(), np.uint8)
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


def _mix(words: Words, codes: Words, factor: int, *steps: int) -> None:
    """Mix codes into words, in place; one to one in the codes and one to one in the words."""
    codes *= np.uint64(factor)
    words ^= codes
    for position in range(0, len(steps), 2):
        np.right_shift(words, np.uint64(steps[position]), out=codes)
        words ^= codes
        if position + 1 < len(steps):
            words *= np.uint64(steps[position + 1])


def _codes(values: pa.ChunkedArray | pa.Array) -> tuple[Words, ...]:
    """Return one or two words per value: its bits, or a digest of its text."""
    kind = values.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        wide = values.cast(pa.float64() if pa.types.is_floating(kind) else pa.int64())
        return (_numbers(wide).view(np.uint64),)
    if pa.types.is_timestamp(kind):
        return (_numbers(values.cast(pa.int64())).view(np.uint64),)
    encoded = values.cast(pa.large_string()).dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    texts = encoded.dictionary.to_pylist()
    heads = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    distinct = np.frombuffer(b"".join(heads) or bytes(16), "<u8").reshape(-1, 2)
    codes = _numbers(encoded.indices)
    return tuple(distinct[:, lane][codes].astype(np.uint64, copy=False) for lane in (0, 1))


def _numbers(values: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.generic]:
    known = values.fill_null(0) if values.null_count else values
    return np.ascontiguousarray(known.to_numpy())
