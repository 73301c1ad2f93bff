"""Checkpoints of a workflow, kept in memory, and the death of who writes them."""

from __future__ import annotations

from collections.abc import Callable

from retread.core import RetreadError


class Killed(BaseException):
    """What kill -9 looks like from inside."""


def _result_of(work: Callable[[], object]) -> object:
    """An error is a result too, and remembered as the text that it is."""
    try:
        return work()
    except RetreadError as error:
        return RetreadError(error.message, error.hint)
    except Exception as error:
        return RetreadError(str(error))


class Journal:
    """Checkpoints in memory, as DBOS keeps them, that can die around any step."""

    def __init__(self) -> None:
        self.results: list[tuple[str, object]] = []
        self.deaths: set[tuple[int, bool]] = set()
        self._next = 0

    def restart(self) -> None:
        self._next = 0

    def run(self, name, kind, work):  # type: ignore[no-untyped-def] # as Steps.run
        number = self._next
        self._next += 1
        if number == len(self.results):
            self._die(number, after=False)
            result = _result_of(work)
            self._die(number, after=True)
            self.results.append((name, result))
        known, result = self.results[number]
        assert known == name, "the course of a workflow depends on its steps alone"
        if isinstance(result, Exception):
            raise result
        return result

    def _die(self, number: int, *, after: bool) -> None:
        if (number, after) in self.deaths:
            self.deaths.remove((number, after))
            raise Killed
