"""Scoring one call in a thread: decoding its images, then running the model; canaries on time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from retread.bundle import image_statistics
from retread.core import RetreadError, Unavailable
from retread.serving.call import Call, ClientGone, without_frames
from retread.serving.rows import decode_images
from retread.serving.runtime import ModelResult
from retread.serving.slots import SlotEntry

_MIN_DEADLINE_S = 0.05
_DEADLINE_FACTOR = 4
"""A run is late when it takes this many times as long as the slowest canary that may pass."""

FallBack = Callable[[ModelResult | None], None]


def decode_and_score(
    entry: SlotEntry,
    call: Call,
    *,
    with_statistics: bool,
    on_decoded: Callable[[], None] = lambda: None,
) -> ModelResult | RetreadError:
    """Score a call that may still be image files.

    Args:
        entry: The model.
        call: The call; its `rows` and `statistics` are set.
        with_statistics: Whether to compute image statistics.
        on_decoded: Called before the model runs.

    Returns:
        The model's result, or why the call cannot be scored.
    """
    if call.is_abandoned:
        return ClientGone()
    try:
        image = entry.runtime.manifest.image
        if call.rows is None and image is not None:
            call.rows = decode_images(call.images, image)
        rows = call.rows
        assert rows is not None
        if with_statistics and not call.statistics and rows.pixels is not None:
            call.statistics = [image_statistics(pixels) for pixels in rows.pixels]
        on_decoded()
        (result,) = entry.runtime.score([rows])
    except RetreadError as error:
        return without_frames(error)
    return result


class CanaryTimeout:
    """Scores one call with a heavy canary, and falls back to production if the canary is late.

    Only the model's own time counts against the canary. If the call waits too long for the
    canary's thread, production answers and nothing is held against the canary: `fall_back` gets
    None. If the run itself takes too long for its rows, that is the canary's failure: `fall_back`
    gets it.
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
        """Start to wait for the canary's thread.

        Args:
            loop: The event loop.
            call: The call, routed to the canary.
            row_s: Production's time per row, in seconds.
            slowdown: How many times as long a canary may take.
            fall_back: Has production answer.
        """
        self._loop = loop
        self._call = call
        self._entry: SlotEntry = call.entry
        self._row_s = _DEADLINE_FACTOR * slowdown * row_s
        self._fall_back = fall_back
        self._is_done = False
        self._timer = loop.call_later(_MIN_DEADLINE_S + self._row_s, self._on_wait_timeout)

    def score(self, *, with_statistics: bool) -> ModelResult | RetreadError:
        """Score the call, in the canary's thread.

        The result is dropped by the data plane if production was asked in the meantime.
        """
        if self._call.entry is not self._entry:
            return Unavailable("Production answers instead.")
        self._loop.call_soon_threadsafe(self._timer.cancel)
        result = decode_and_score(
            self._entry,
            self._call,
            with_statistics=with_statistics,
            on_decoded=self._on_decoded,
        )
        self._is_done = True
        return result

    def _on_decoded(self) -> None:
        self._loop.call_soon_threadsafe(self._start_run_timer)

    def _start_run_timer(self) -> None:
        rows = self._call.rows
        deadline_s = _MIN_DEADLINE_S + self._row_s * (rows.count if rows is not None else 1)
        self._loop.call_later(deadline_s, self._on_run_timeout, deadline_s)

    def _on_wait_timeout(self) -> None:
        if self._call.entry is self._entry:
            self._fall_back(None)

    def _on_run_timeout(self, deadline_s: float) -> None:
        # A result on its way to the event loop is in time: only the loop itself is late.
        if self._call.entry is self._entry and not self._is_done:
            milliseconds = deadline_s * 1e3
            reason = f"no answer within {milliseconds:.0f} ms"
            self._fall_back(ModelResult.failed(reason, milliseconds))
