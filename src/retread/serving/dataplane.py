"""The data plane: from a call to its result, independent of how calls arrive.

Everything here runs on one event loop; slow models run in threads. Nothing blocks, queries the
database or touches the disk. Every call is answered, whatever fails: `_guard` turns an exception
that nobody foresaw into the answer 500 and a line in the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from retread.core import RetreadError, Unavailable
from retread.project.settings import CanarySection, ServingSection
from retread.registry.events import Slot
from retread.serving.call import Call, ClientGone, internal_error, no_answer, without_frames
from retread.serving.metrics import ServingMetrics
from retread.serving.recording.recorder import Recorder
from retread.serving.rows import FEATURES, Rows, has_large_image, is_short
from retread.serving.runtime import ModelResult
from retread.serving.scoring import CanaryTimeout, decode_and_score
from retread.serving.shadow_scoring import ShadowScorer
from retread.serving.slots import SlotEntry, SlotHolder
from retread.serving.tensors import Tensor
from retread.serving.thread_pool import BoundedThreadPool

MAX_CANARY_BACKLOG = 64
"""Jobs waiting for the canary's thread before production answers at once."""

ROWS_OF_CALLS = 4
"""All calls together may hold this many times as many rows as one may."""

Result = ModelResult | RetreadError
"""The result of a call, or why it has none."""

logger = logging.getLogger(__name__)


class DataPlane:
    """Routes calls to slots, batches those of one turn of the event loop, and finishes them.

    A call goes through `submit` (admission and routing), waits in its entry's batch, is scored,
    and ends in `finish`.
    """

    def __init__(
        self,
        slots: SlotHolder,
        recorder: Recorder | None,
        serving: ServingSection,
        canary: CanarySection,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slots = slots
        self.metrics = ServingMetrics()
        self.pending = 0
        """Calls that were admitted and have not been finished."""
        self.held_rows = 0
        """Rows of long calls that have not been finished."""
        self.max_rows = serving.max_rows
        """Rows, or labels, that one request may have."""
        self._recorder = recorder
        self._serving = serving
        self._now = now
        self._monotonic = monotonic
        self.readers = BoundedThreadPool("reader", 1)
        """Decodes bodies that are too long for the event loop."""
        self._models = BoundedThreadPool("model", os.cpu_count() or 1)
        self._large = BoundedThreadPool("large", 1)
        """Decodes large images, one at a time, so that others find a thread."""
        self._canaries = BoundedThreadPool("canary", 1)
        self._shadows = ShadowScorer(serving.inline_below_ms, self._canaries, self.metrics)
        self._canary_slowdown = canary.max_latency_ratio
        self._batches: dict[SlotEntry, list[Call]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, call: Call) -> None:
        """Take a call; its `reply` follows, perhaps before this returns."""
        try:
            self._admit(call)
            self._route(call)
            self._enqueue(call)
        except RetreadError as error:
            self.finish(call, error)
        except Exception:
            self._fail((call,))

    def submit_unread(self, call: Call, read: Callable[[], None]) -> None:
        """Take a call whose body is still to be decoded.

        Args:
            call: The call.
            read: Decodes the body in a thread. It may raise RetreadError.
        """
        try:
            self._admit(call)
            self.readers.submit(
                self.loop,
                lambda: self._read(call, read),
                lambda error: self._guard((call,), self._was_read, call, error),
                lambda error: self._fail((call,), error),
            )
        except RetreadError as error:
            self.finish(call, error)
        except Exception:
            self._fail((call,))

    def finish(self, call: Call, result: Result) -> None:
        """End a call with a model's result, or with the reason why it has none."""
        self._finish((call,), (result,))

    def close(self) -> None:
        """Stop the threads, and record the answered calls that still wait for a second model."""
        for pool in (self.readers, self._models, self._large, self._canaries):
            pool.close()
        if self._recorder is not None:
            self._recorder.put(self._shadows.close())

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that runs the data plane."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    # From a call to the batch of its entry.

    def _admit(self, call: Call) -> None:
        if self.pending >= self._serving.max_pending:
            raise Unavailable(
                f"{self.pending} requests are already waiting for a model.", "Try again soon."
            )
        self.pending += 1
        call.is_pending = True

    def _route(self, call: Call) -> None:
        """Choose who answers, and make the rows; may run in any thread.

        Raises:
            InvalidInput: The model does not take such rows.
            NotFound: The requested slot or version is not being served.
            Unavailable: No model is in production.
        """
        call.at = self._now()
        call.started_at = self._monotonic()
        call.table = table = self.slots.table
        version = call.requested_version
        call.entry = entry = table.route(call.routing_key, call.requested_slot, version)
        if version is not None:
            # A client that names a version is outside the split that compares two.
            call.skip_shadow = True
        runtime = entry.runtime
        values = call.values
        if values is not None:
            if runtime.pack_row is not None:
                try:
                    call.rows = Rows(1, runtime.pack_row(*values))
                except (struct.error, OverflowError):
                    pass  # the general way below says what is wrong
                else:
                    return
            call.tensors = {FEATURES: Tensor(FEATURES, "FP32", (1, len(values)), values)}
            # What is recorded is what the model took, not what was sent.
            call.values = None
        call.make_rows(runtime, self.max_rows)

    def _read(self, call: Call, read: Callable[[], None]) -> RetreadError | None:
        if call.is_abandoned:
            return ClientGone()
        try:
            read()
            self._route(call)
        except RetreadError as error:
            return without_frames(error)
        return None

    def _was_read(self, call: Call, error: RetreadError | None) -> None:
        if error is None:
            self._enqueue(call)
        else:
            self.finish(call, error)

    def _enqueue(self, call: Call) -> None:
        batches = self._batches
        if not batches:
            self.loop.call_soon(self._score_batches)
        batch = batches.get(call.entry)
        if batch is None:
            batches[call.entry] = [call]
        else:
            batch.append(call)

    # From a batch to the results.

    def _score_batches(self) -> None:
        batches, self._batches = self._batches, {}
        for entry, calls in batches.items():
            self._guard(calls, self._score_batch, entry, calls)

    def _score_batch(self, entry: SlotEntry, calls: list[Call]) -> None:
        if entry.runtime.milliseconds < self._serving.inline_below_ms:
            short = [call for call in calls if is_short(call.rows)]
            if short:
                rows = [call.rows for call in short if call.rows is not None]
                self._accept(entry, short, entry.runtime.score(rows))
            if len(short) == len(calls):
                return
            calls = [call for call in calls if not is_short(call.rows)]
        # Each call is a job of its own, so that every core has one.
        for call in calls:
            self._guard((call,), self._score_long, entry, call)

    def _score_long(self, entry: SlotEntry, call: Call) -> None:
        rows = call.rows
        if rows is not None and call.held_rows == 0:
            limit = ROWS_OF_CALLS * self.max_rows
            if self.held_rows + rows.count > limit:
                self.finish(call, _too_many_rows(self.held_rows))
                return
            call.held_rows = rows.count
            self.held_rows += rows.count
        self._score_in_thread(entry, call)

    def _score_in_thread(self, entry: SlotEntry, call: Call) -> None:
        production = _fallback_of(call)
        with_statistics = self._serving.record

        def accept(result: Result) -> None:
            self._guard((call,), self._accept, entry, (call,), (result,))

        def fail(error: BaseException) -> None:
            # Where production answers instead, the failure is only logged.
            self._fail((call,) if call.entry is entry else (), error)

        def accept_or_defer(result: Result | None) -> None:
            if result is None:
                self._guard((call,), self._large.submit, self.loop, score, accept, fail)
            else:
                accept(result)

        def score() -> Result:
            return decode_and_score(entry, call, with_statistics=with_statistics)

        if production is None:
            self._models.submit(
                self.loop,
                lambda: None if has_large_image(call.images) else score(),
                accept_or_defer,
                fail,
            )
        elif self._canaries.backlog >= MAX_CANARY_BACKLOG:
            self._fall_back(call, production, None)
        else:
            timeout = CanaryTimeout(
                self.loop,
                call,
                row_s=production.runtime.milliseconds / 1e3,
                slowdown=self._canary_slowdown,
                fall_back=partial(self._guard, (call,), self._fall_back, call, production),
            )
            self._canaries.submit(
                self.loop, lambda: timeout.score(with_statistics=with_statistics), accept, fail
            )

    def _accept(self, entry: SlotEntry, calls: Sequence[Call], results: Sequence[Result]) -> None:
        """Finish the calls of a batch, except those for which production answers instead."""
        if entry.slot is not Slot.CANARY:
            self._finish(calls, results)
            return
        finished: list[Call] = []
        kept: list[Result] = []
        for call, result in zip(calls, results, strict=True):
            if call.entry is not entry:
                continue  # too late: production has been asked instead
            if (
                isinstance(result, ModelResult)
                and result.error is not None
                and (production := _fallback_of(call)) is not None
            ):
                self._fall_back(call, production, result)
            else:
                finished.append(call)
                kept.append(result)
        if finished:
            self._finish(finished, kept)

    def _fall_back(self, call: Call, production: SlotEntry, failure: ModelResult | None) -> None:
        """Have production answer instead of a canary.

        `failure` is what the canary did wrong; None if it was too busy, which is not its fault.
        """
        if call.status:
            return
        if failure is None:
            call.skip_shadow = True
            self.metrics.unpaired += 1
        else:
            call.shadow_entry, call.shadow_result = call.entry, failure
            self.metrics.canary_errors[call.entry.version] += 1
        call.entry = production
        self._enqueue(call)

    # The end of every call.

    def _guard(self, calls: Sequence[Call], step: Callable[..., None], *arguments: Any) -> None:
        """Run one step; if it raises, answer those of `calls` that have no answer."""
        try:
            step(*arguments)
        except Exception:
            self._fail(calls)

    def _fail(self, calls: Sequence[Call], cause: BaseException | bool = True) -> None:
        """Log an unforeseen exception, and answer 500 to the calls that have no answer yet."""
        logger.error("Requests could not be answered: %s", [c.id for c in calls], exc_info=cause)
        for call in calls:
            if not call.status:
                self.finish(call, internal_error())

    def _finish(self, calls: Sequence[Call], results: Sequence[Result]) -> None:
        """Reply to calls of one entry, then count, compare and record them."""
        scored: list[Call] = []
        for call, result in zip(calls, results, strict=True):
            if call.is_pending:
                call.is_pending = False
                self.pending -= 1
                if call.held_rows:
                    self.held_rows -= call.held_rows
                    call.held_rows = 0
            if call.status:
                continue  # it was answered when a step failed
            if isinstance(result, ModelResult):
                call.result = result
                call.reply(None if result.error is None else no_answer(result.error))
                scored.append(call)
            else:
                call.at = call.at or self._now()
                call.images = ()
                call.reply(result)
                self._guard((call,), self._conclude_refusal, call)
        if scored:
            self._guard(scored, self._conclude, scored)

    def _conclude_refusal(self, call: Call) -> None:
        self.metrics.count_refusal(call.status)
        self._record((call,))

    def _conclude(self, scored: Sequence[Call]) -> None:
        self._count(scored)
        self._shadows.complete(self.loop, scored[0].entry, scored, self._record)

    def _count(self, calls: Sequence[Call]) -> None:
        first = calls[0]
        seconds = self._monotonic() - first.started_at
        slot, version = first.entry.slot.value, first.entry.version
        statuses = {call.status for call in calls}
        for status in statuses:
            times = len(calls) if len(statuses) == 1 else sum(c.status == status for c in calls)
            self.metrics.count_responses(slot, version, status, times, seconds)
        self.metrics.batches += 1
        for call in calls:
            if call.rows is not None and call.rows.unknown:
                self.metrics.count_unknown(call.rows.unknown)

    def _record(self, calls: Sequence[Call]) -> None:
        if self._recorder is not None:
            # A turn of the event loop later, so that the responses are sent first.
            self.loop.call_soon(self._recorder.put, calls)


def _fallback_of(call: Call) -> SlotEntry | None:
    """Return production if it may answer instead of `call.entry`: a canary chosen by routing."""
    chosen = call.entry.slot is Slot.CANARY and call.requested_version is None
    return call.table.production if chosen else None


def _too_many_rows(held: int) -> Unavailable:
    return Unavailable(f"Requests of {held:,} rows are already being answered.", "Try again soon.")
