"""Scoring answered calls with a second model, so that the two can be compared.

It happens once the client has its response: the canary and production score each other's rows, and
a shadow scores production's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from retread.serving.call import Call
from retread.serving.metrics import ServingMetrics
from retread.serving.rows import is_short
from retread.serving.runtime import ModelResult
from retread.serving.slots import SlotEntry
from retread.serving.thread_pool import BoundedThreadPool

Record = Callable[[Sequence[Call]], None]

_MAX_BACKLOG = 32

logger = logging.getLogger(__name__)


class ShadowScorer:
    """Adds the second model's results to answered calls, then has the calls recorded.

    The second model scores in one run what the first scored in one run.
    """

    def __init__(
        self, inline_below_ms: float, pool: BoundedThreadPool, metrics: ServingMetrics
    ) -> None:
        self._inline_below_ms = inline_below_ms
        self._pool = pool
        self._metrics = metrics
        self._open: set[tuple[Call, ...]] = set()

    def complete(
        self,
        loop: asyncio.AbstractEventLoop,
        entry: SlotEntry,
        calls: Sequence[Call],
        record: Record,
    ) -> None:
        """Score answered calls again and record them.

        Args:
            loop: The event loop.
            entry: The model that answered the calls, in one batch.
            calls: The calls.
            record: Called once for every call; at once if no second model scores it.
        """
        partner = calls[0].table.partner(entry)
        if partner is None:
            record(calls)
            return
        complete = [call for call in calls if call.skip_shadow or call.shadow_result is not None]
        if complete:
            record(complete)
        rest = tuple(call for call in calls if not call.skip_shadow and call.shadow_result is None)
        if rest:
            self._schedule(loop, partner, rest, record)

    def close(self) -> list[Call]:
        """Return the calls that the second model has not scored, and will not."""
        left = [call for calls in self._open for call in calls]
        self._open.clear()
        return left

    def _schedule(
        self,
        loop: asyncio.AbstractEventLoop,
        partner: SlotEntry,
        calls: tuple[Call, ...],
        record: Record,
    ) -> None:
        is_light = partner.runtime.milliseconds < self._inline_below_ms
        if is_light and all(is_short(call.rows) for call in calls):
            self._open.add(calls)
            # A turn of the event loop later, so that the responses are sent first.
            loop.call_soon(self._score_now, partner, calls, record)
        elif self._pool.backlog < _MAX_BACKLOG:
            self._open.add(calls)
            self._pool.submit(
                loop,
                lambda: _score(partner, calls),
                lambda results: self._attach(partner, calls, results, record),
                lambda error: self._attach(partner, calls, _failed(calls, error), record),
            )
        else:
            self._metrics.unpaired += len(calls)
            record(calls)

    def _score_now(self, partner: SlotEntry, calls: tuple[Call, ...], record: Record) -> None:
        self._attach(partner, calls, _score(partner, calls), record)

    def _attach(
        self,
        partner: SlotEntry,
        calls: tuple[Call, ...],
        results: Sequence[ModelResult],
        record: Record,
    ) -> None:
        self._open.remove(calls)
        for call, result in zip(calls, results, strict=True):
            call.shadow_entry = partner
            call.shadow_result = result
        record(calls)


def _score(partner: SlotEntry, calls: Sequence[Call]) -> list[ModelResult]:
    try:
        return partner.runtime.score([call.rows for call in calls if call.rows is not None])
    except Exception as error:  # the clients have their responses; the second model has failed
        logger.exception("Version %d could not score the calls of another.", partner.version)
        return _failed(calls, error)


def _failed(calls: Sequence[Call], error: BaseException) -> list[ModelResult]:
    return [ModelResult.failed(str(error), 0.0)] * len(calls)
