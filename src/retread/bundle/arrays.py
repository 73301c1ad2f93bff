"""Named arrays as npz files, which never contain pickled objects."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def pack_arrays(**arrays: npt.NDArray[Any]) -> bytes:
    """Encode arrays by name.

    Raises:
        ValueError: An array contains Python objects.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_arrays(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    """Decode arrays by name.

    Raises:
        ValueError: An array contains Python objects.
    """
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
