"""Checkpoints: what was done once is remembered, and not done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Value = TypeVar("Value")


class Steps(Protocol):
    """The memory of one workflow.

    Steps are recognised by their order, so the course of a workflow may depend only on what its
    steps returned. Between the end of `work` and the checkpoint the process may die: `work` is
    then done again.
    """

    def run(self, name: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        """What `work` returned the first time; `kind` is its type. An error is remembered too."""
        ...
