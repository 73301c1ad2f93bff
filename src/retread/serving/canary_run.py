"""One call before a heavy canary, with production at hand for a canary that is late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from retread.core import Unavailable
from retread.serving.call import Call, Outcome
from retread.serving.scoring import Settled, decode_and_score
from retread.serving.slots import SlotEntry

_LEAST_S = 0.05
_SLOWER = 4
"""A run is late when it takes this many times as long as the slowest canary that may pass."""

FallBack = Callable[[Outcome | None], None]


class CanaryRun:
    """Waits for the canary's thread, decodes, then lets the model run.

    Only the model's own time is the canary's fault. A call that waits too long for the thread
    goes to production and says nothing of the canary: `fall_back` gets None. A run that takes
    too long for its rows is the canary's failure: `fall_back` gets it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call: Call,
        *,
        row_s: float,
        slowdown: float,
        fall_back: FallBack,
    ) -> None:
        """`row_s` is production's time for one row, `slowdown` how much slower a canary may be."""
        self._loop = loop
        self._call = call
        self._entry: SlotEntry = call.entry
        self._row_s = _SLOWER * slowdown * row_s
        self._fall_back = fall_back
        self._has_ended = False
        self._timer = loop.call_later(_LEAST_S + self._row_s, self._waited_too_long)

    def score(self, *, statistics: bool) -> Settled:
        """In the canary's thread; the result is for nobody where production was asked instead."""
        if self._call.entry is not self._entry:
            return Unavailable("Production was asked instead.")
        self._loop.call_soon_threadsafe(self._timer.cancel)
        settled = decode_and_score(
            self._entry, self._call, statistics=statistics, on_decoded=self._decoded
        )
        self._has_ended = True
        return settled

    def _decoded(self) -> None:
        self._loop.call_soon_threadsafe(self._start_clock)

    def _start_clock(self) -> None:
        rows = self._call.rows
        deadline_s = _LEAST_S + self._row_s * (rows.count if rows is not None else 1)
        self._loop.call_later(deadline_s, self._ran_too_long, deadline_s)

    def _waited_too_long(self) -> None:
        if self._call.entry is self._entry:
            self._fall_back(None)

    def _ran_too_long(self, deadline_s: float) -> None:
        # A result that is on its way to the event loop is in time: it waits for us only.
        if self._call.entry is self._entry and not self._has_ended:
            milliseconds = deadline_s * 1e3
            reason = f"no answer within {milliseconds:.0f} ms"
            self._fall_back(Outcome(self._entry, (), None, milliseconds, reason))
