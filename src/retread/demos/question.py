"""What is asked of a model in a demo, and where questions come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """An image file or a row of features, and the label that people find out later."""

    payload: bytes | tuple[float, ...]
    truth: str


class Supply(Protocol):
    """Examples for the first dataset version, and questions that come as traffic."""

    def lay_out(self, project: Path) -> str:
        """Put the first examples where the project expects them; what was done, in words."""
        ...

    def quiet(self) -> Iterator[Question]:
        """Traffic like the first examples; each is given once, as repeating would be drift."""
        ...

    def drifted(self) -> Iterator[Question]:
        """Traffic after the world has changed, to learn from; endless."""
        ...

    def fresh(self) -> Iterator[Question]:
        """Changed traffic about things that neither the first examples, nor `quiet`, nor
        `drifted` have shown; endless."""
        ...
