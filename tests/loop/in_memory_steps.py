"""Checkpoints of a workflow in memory, and a process that is killed before or after a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from retread.core import RetreadError

Value = TypeVar("Value")


class Killed(BaseException):
    """The process was killed by `kill -9`."""


class InMemorySteps:
    """`Steps` that keeps checkpoints as JSON, as DBOS does."""

    def __init__(self) -> None:
        self.results: list[tuple[str, bytes | RetreadError]] = []
        self._kills: set[tuple[str, bool]] = set()
        self._next = 0

    @property
    def names(self) -> list[str]:
        """Names of the steps that have a checkpoint, in order."""
        return [name for name, _ in self.results]

    def kill_before(self, step: str) -> None:
        """Kill the process once before the step starts."""
        self._kills.add((step, False))

    def kill_after(self, step: str) -> None:
        """Kill the process once after the step, before its checkpoint is written."""
        self._kills.add((step, True))

    def restart(self) -> None:
        """Run the workflow again from its start; steps with a checkpoint are skipped."""
        self._next = 0

    def run(self, name: str, kind: type[Value], work: Callable[[], Value]) -> Value:
        """Run a step, or return its checkpoint."""
        number = self._next
        self._next += 1
        if number == len(self.results):
            self._kill(name, after=False)
            result = _result_of(work)
            self._kill(name, after=True)
            self.results.append((name, result))
        known, result = self.results[number]
        assert known == name, "the path of a workflow depends on nothing but its steps"
        if isinstance(result, RetreadError):
            raise result
        return msgspec.json.decode(result, type=kind)

    def _kill(self, step: str, *, after: bool) -> None:
        if (step, after) in self._kills:
            self._kills.remove((step, after))
            raise Killed


def _result_of(work: Callable[[], object]) -> bytes | RetreadError:
    """The result as JSON; an error is a result too, and remembered by its text."""
    try:
        return msgspec.json.encode(work())
    except RetreadError as error:
        return RetreadError(error.message, error.hint)
    except Exception as error:
        return RetreadError(str(error))
