"""A named tensor as a client sent it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tensor:
    """Elements in row-major order, flat or nested as `shape` says; not yet checked."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]
