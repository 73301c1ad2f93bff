"""The other model scores the same rows, after the client has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from retread.core import RetreadError
from retread.serving.call import Call, Outcome
from retread.serving.crew import Crew
from retread.serving.scoring import Settled, score_calls
from retread.serving.slots import SlotEntry

Record = Callable[[Sequence[Call]], None]

_BACKLOG = 32


class Pairing:
    """Completes answered calls with what the partner slot says of them, then records them."""

    def __init__(self, enabled: bool, inline_below_ms: float, crew: Crew) -> None:
        self._enabled = enabled
        self._inline_below_ms = inline_below_ms
        self._crew = crew
        self.skipped = 0

    def complete(
        self,
        loop: asyncio.AbstractEventLoop,
        entry: SlotEntry,
        calls: Sequence[Call],
        record: Record,
    ) -> None:
        """`record` follows, once for every call; at once where there is no partner."""
        partner = calls[0].table.partner(entry) if self._enabled else None
        open_calls = [call for call in calls if call.paired is None]
        if partner is None or not open_calls:
            record(calls)
            return
        if len(open_calls) < len(calls):
            record([call for call in calls if call not in open_calls])
        if partner.runtime.milliseconds < self._inline_below_ms:
            # A turn of the event loop later, so that the answers are on their way first.
            loop.call_soon(self._score_now, partner, open_calls, record)
        elif self._crew.backlog < _BACKLOG:
            self._crew.run(
                loop,
                lambda: _scored(partner, open_calls),
                lambda settled: _attach(open_calls, settled, record),
            )
        else:
            self.skipped += len(open_calls)
            record(open_calls)

    def _score_now(self, partner: SlotEntry, calls: Sequence[Call], record: Record) -> None:
        _attach(calls, _scored(partner, calls), record)


def _scored(partner: SlotEntry, calls: Sequence[Call]) -> list[Settled]:
    try:
        return score_calls(partner, calls)
    except Exception as error:  # the client has its answer; the partner has failed
        return [Outcome(partner, (), None, 0.0, str(error))] * len(calls)


def _attach(calls: Sequence[Call], settled: Sequence[Settled], record: Record) -> None:
    for call, result in zip(calls, settled, strict=True):
        if not isinstance(result, RetreadError):
            call.paired = result
    record(calls)
