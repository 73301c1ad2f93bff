"""Named tensors as a client sent them, and the refusal of a request that is too large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retread.core import InvalidInput


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a request, not yet validated.

    `data` holds the elements in row-major order, either flat or nested as `shape` says.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]


class TooLarge(InvalidInput):
    """The request is larger than the server accepts."""

    code = "request_entity_too_large"
