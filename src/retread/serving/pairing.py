"""The other model scores the same rows, after the client has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from retread.core import RetreadError
from retread.serving.call import Call, Outcome
from retread.serving.crew import Crew
from retread.serving.measures import Measures
from retread.serving.scoring import Settled, is_short, score_calls
from retread.serving.slots import SlotEntry

Record = Callable[[Sequence[Call]], None]

_BACKLOG = 32


class Pairing:
    """Completes answered calls with what the partner slot says of them, then records them.

    The partner scores in one run what the first model scored in one run.
    """

    def __init__(self, inline_below_ms: float, crew: Crew, measures: Measures) -> None:
        self._inline_below_ms = inline_below_ms
        self._crew = crew
        self._measures = measures
        self._open: set[tuple[Call, ...]] = set()

    def complete(
        self,
        loop: asyncio.AbstractEventLoop,
        entry: SlotEntry,
        calls: Sequence[Call],
        record: Record,
    ) -> None:
        """`record` follows, once for every call; at once where there is no partner."""
        partner = calls[0].table.partner(entry)
        if partner is None:
            record(calls)
            return
        settled = [call for call in calls if call.alone or call.paired is not None]
        if settled:
            record(settled)
        both = tuple(call for call in calls if not call.alone and call.paired is None)
        if both:
            self._ask(loop, partner, both, record)

    def close(self) -> list[Call]:
        """Calls whose partner has not answered, and will not."""
        left = [call for calls in self._open for call in calls]
        self._open.clear()
        return left

    def _ask(
        self,
        loop: asyncio.AbstractEventLoop,
        partner: SlotEntry,
        calls: tuple[Call, ...],
        record: Record,
    ) -> None:
        light = partner.runtime.milliseconds < self._inline_below_ms
        if light and all(is_short(call) for call in calls):
            self._open.add(calls)
            # A turn of the event loop later, so that the answers are on their way first.
            loop.call_soon(self._score_now, partner, calls, record)
        elif self._crew.backlog < _BACKLOG:
            self._open.add(calls)
            self._crew.run(
                loop,
                lambda: _scored(partner, calls),
                lambda settled: self._attach(calls, settled, record),
            )
        else:
            self._measures.unpaired += len(calls)
            record(calls)

    def _score_now(self, partner: SlotEntry, calls: tuple[Call, ...], record: Record) -> None:
        self._attach(calls, _scored(partner, calls), record)

    def _attach(self, calls: tuple[Call, ...], settled: Sequence[Settled], record: Record) -> None:
        self._open.remove(calls)
        for call, result in zip(calls, settled, strict=True):
            if not isinstance(result, RetreadError):
                call.paired = result
        record(calls)


def _scored(partner: SlotEntry, calls: Sequence[Call]) -> list[Settled]:
    try:
        return score_calls(partner, calls)
    except Exception as error:  # the client has its answer; the partner has failed
        return [Outcome(partner, (), None, 0.0, str(error))] * len(calls)
