"""Named arrays as bytes: npz, never with pickled objects."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def pack_arrays(**arrays: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_arrays(file: BinaryIO) -> dict[str, npt.NDArray[Any]]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
