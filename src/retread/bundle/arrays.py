"""Named arrays as npz files, which never contain pickled objects.

Texts are stored as one run of UTF-8 and the places where each ends: an array of fixed width would
take as much for every text as for the longest.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[Any]
"""Texts of any length, as Python objects."""

_BYTES = "utf8|"
_ENDS = "ends|"


def texts(values: Any) -> Texts:
    """Return texts as an array of objects, whatever their length.

    >>> texts(["good", "bad"]).dtype
    dtype('O')
    """
    return np.array(values, dtype=np.object_)


def pack_arrays(**arrays: npt.NDArray[Any]) -> bytes:
    """Encode arrays by name.

    Raises:
        ValueError: An array contains Python objects that are not texts.
    """
    buffer = io.BytesIO()
    parts = dict(part for name, array in arrays.items() for part in _parts(name, array))
    np.savez(buffer, allow_pickle=False, **parts)
    return buffer.getvalue()


def unpack_arrays(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    """Decode arrays by name; texts are Python objects.

    Raises:
        ValueError: An array contains Python objects.
    """
    with np.load(file, allow_pickle=False) as archive:
        return dict(_whole(name, archive) for name in archive.files if not name.startswith(_ENDS))


def _parts(name: str, array: npt.NDArray[Any]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    if array.dtype.kind not in "OU" or not array.ndim:
        yield name, array
        return
    flat = array.ravel().tolist()
    try:
        whole = "".join(flat)
    except TypeError as error:
        raise ValueError(
            f"Array {name!r} contains objects other than texts, which need pickle."
        ) from error
    # Most texts are ids and ASCII, with a byte per character.
    encoded = flat if whole.isascii() else [text.encode("utf-8", "surrogatepass") for text in flat]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    yield _BYTES + name, np.frombuffer(whole.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    yield _ENDS + name, ends.reshape(array.shape)


def _whole(name: str, archive: Any) -> tuple[str, npt.NDArray[Any]]:
    if not name.startswith(_BYTES):
        return name, archive[name]
    plain = name.removeprefix(_BYTES)
    ends = archive[_ENDS + plain]
    content = archive[name].tobytes()
    stops = ends.ravel().tolist()
    starts = [0, *stops[:-1]]
    found = [
        content[start:stop].decode("utf-8", "surrogatepass")
        for start, stop in zip(starts, stops, strict=False)
    ]
    return plain, texts(found).reshape(ends.shape)
