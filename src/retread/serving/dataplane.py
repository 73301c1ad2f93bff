"""The data plane: from a call to its answer, without knowing how calls arrive.

Everything here runs on one event loop; models that are slow run in threads. Nothing blocks, asks
the database or touches the disk.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial

from retread.core import InvalidInput, RetreadError, Unavailable
from retread.project.settings import CanarySection, ServingSection
from retread.registry.events import Slot
from retread.serving.assembly import assemble, image_files
from retread.serving.call import Call, Outcome
from retread.serving.canary_run import CanaryRun
from retread.serving.crew import Crew
from retread.serving.measures import Measures
from retread.serving.pairing import Pairing
from retread.serving.recording.recorder import Recorder
from retread.serving.rows import FEATURES, Rows
from retread.serving.runtime import Runtime
from retread.serving.scoring import Settled, decode_and_score, is_short, score_calls
from retread.serving.slots import SlotEntry, SlotHolder
from retread.serving.tensor import Tensor

CANARY_BACKLOG = 64
"""Jobs waiting for the canary's thread before production answers at once."""


class DataPlane:
    """Routes calls to slots, batches what one tick of the event loop brings, and answers."""

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
        self.measures = Measures()
        self.pending = 0
        self._recorder = recorder
        self._serving = serving
        self._now = now
        self._monotonic = monotonic
        self.readers = Crew("reader", 1)
        """Understands what is too long for the event loop."""
        self._crew = Crew("model", os.cpu_count() or 1)
        self._canary_crew = Crew("canary", 1)
        self._pairing = Pairing(serving.inline_below_ms, self._canary_crew, self.measures)
        self._slowdown = canary.max_latency_ratio
        self._waiting: dict[SlotEntry, list[Call]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, call: Call) -> None:
        """Take a call; `call.reply` follows, perhaps before this returns."""
        try:
            self._check_room()
            self._prepare(call)
        except RetreadError as error:
            self.refuse(call, error)
        else:
            self.pending += 1
            self._enqueue(call)

    def submit_after(self, call: Call, read: Callable[[], None]) -> None:
        """As `submit`, for a call that `read` has to understand in a thread; it may raise
        RetreadError."""
        try:
            self._check_room()
        except RetreadError as error:
            self.refuse(call, error)
        else:
            self.pending += 1
            self.readers.run(
                self.loop, lambda: self._read(call, read), lambda error: self._was_read(call, error)
            )

    def refuse(self, call: Call, error: RetreadError) -> None:
        """Answer a call that no model can be asked about."""
        call.at = call.at or self._now()
        call.images = ()
        call.reply(error)
        self.measures.refused(call.status)
        self._record([call])

    def close(self) -> None:
        """End the threads; what was answered and waits for its partner is recorded without."""
        for crew in (self.readers, self._crew, self._canary_crew):
            crew.close()
        if self._recorder is not None:
            self._recorder.put(self._pairing.close())

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _check_room(self) -> None:
        if self.pending >= self._serving.max_pending:
            raise Unavailable(
                f"{self.pending} requests are waiting for a model already.", "Try again soon."
            )

    def _prepare(self, call: Call) -> None:
        """Find who answers, and assemble the rows; may run in any thread. Raises InvalidInput,
        NotFound, Unavailable."""
        call.at = self._now()
        call.began = self._monotonic()
        call.table = self.slots.table
        call.entry = call.table.answering(call.key or call.id, call.wish, call.version)
        if call.version:
            # Who names a version is outside the split that compares two.
            call.alone = True
        runtime = call.entry.runtime
        if call.values is not None:
            if runtime.pack_row is not None:
                try:
                    call.rows = Rows(1, runtime.pack_row(*call.values))
                except (struct.error, OverflowError):
                    pass  # the general way says what is wrong with it
                else:
                    return
            shape = (1, len(call.values))
            call.tensors = {FEATURES: Tensor(FEATURES, "FP32", shape, call.values)}
        _assemble(call, runtime)

    def _read(self, call: Call, read: Callable[[], None]) -> RetreadError | None:
        try:
            read()
            self._prepare(call)
        except RetreadError as error:
            return error
        except Exception as error:  # a thread's error would leave the client waiting
            return InvalidInput(f"The request cannot be read: {error}.")
        return None

    def _was_read(self, call: Call, error: RetreadError | None) -> None:
        if error is None:
            self._enqueue(call)
        else:
            self.pending -= 1
            self.refuse(call, error)

    def _enqueue(self, call: Call) -> None:
        if not self._waiting:
            self.loop.call_soon(self._flush)
        waiting = self._waiting.get(call.entry)
        if waiting is None:
            self._waiting[call.entry] = [call]
        else:
            waiting.append(call)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for entry, calls in waiting.items():
            self._dispatch(entry, calls)

    def _dispatch(self, entry: SlotEntry, calls: list[Call]) -> None:
        if entry.runtime.milliseconds < self._serving.inline_below_ms:
            short = [call for call in calls if is_short(call)]
            if short:
                self._settle(entry, short, score_calls(entry, short))
            if len(short) == len(calls):
                return
            calls = [call for call in calls if not is_short(call)]
        # Each for itself, so that every core has one.
        for call in calls:
            self._hand_over(entry, call)

    def _hand_over(self, entry: SlotEntry, call: Call) -> None:
        production = _stand_in(call)
        statistics = self._serving.record

        def settle(settled: Settled) -> None:
            self._settle(entry, [call], [settled])

        if production is None:
            self._crew.run(
                self.loop, lambda: decode_and_score(entry, call, statistics=statistics), settle
            )
        elif self._canary_crew.backlog >= CANARY_BACKLOG:
            self._fall_back(call, production, None)
        else:
            run = CanaryRun(
                self.loop,
                call,
                row_s=production.runtime.milliseconds / 1e3,
                slowdown=self._slowdown,
                fall_back=partial(self._fall_back, call, production),
            )
            self._canary_crew.run(self.loop, lambda: run.score(statistics=statistics), settle)

    def _settle(self, entry: SlotEntry, calls: Sequence[Call], settled: Sequence[Settled]) -> None:
        answered: list[Call] = []
        for call, result in zip(calls, settled, strict=True):
            if call.entry is not entry:
                continue  # too late: production has been asked instead
            if isinstance(result, RetreadError):
                self.pending -= 1
                self.refuse(call, result)
            elif not result.error:
                self.pending -= 1
                call.outcome = result
                call.reply(None)
                answered.append(call)
            elif (production := _stand_in(call)) is not None:
                self._fall_back(call, production, result)
            else:
                self._give_up(call, result)
                answered.append(call)
        if answered:
            self._count(entry, answered)
            self._pairing.complete(self.loop, entry, answered, self._record)

    def _give_up(self, call: Call, failure: Outcome) -> None:
        self.pending -= 1
        call.outcome = failure
        call.reply(Unavailable(f"The model has no answer: {failure.error}.", "Try again."))

    def _fall_back(self, call: Call, production: SlotEntry, failure: Outcome | None) -> None:
        """Production answers instead of a canary that failed; `failure` is None where the canary
        was too busy to be asked, which says nothing of it."""
        if failure is None:
            call.alone = True
            self.measures.unpaired += 1
        else:
            call.paired = failure
            self.measures.canary_errors[call.entry.version] += 1
        call.entry = production
        self._enqueue(call)

    def _count(self, entry: SlotEntry, calls: Sequence[Call]) -> None:
        seconds = self._monotonic() - calls[0].began
        statuses = {call.status for call in calls}
        for status in statuses:
            times = len(calls) if len(statuses) == 1 else sum(c.status == status for c in calls)
            self.measures.answered(entry.slot.value, entry.version, status, times, seconds)
        self.measures.batches += 1

    def _record(self, calls: Sequence[Call]) -> None:
        if self._recorder is not None:
            # A turn of the event loop later, so that answers are on their way first.
            self.loop.call_soon(self._recorder.put, calls)


def _assemble(call: Call, runtime: Runtime) -> None:
    if call.tensors is None:
        if not runtime.is_image:
            raise InvalidInput(
                "The model takes tables, not images.", "Send application/json with V2 tensors."
            )
    elif runtime.is_image and (files := image_files(call.tensors)):
        call.images = files
    else:
        call.rows = assemble(runtime.signature, call.tensors)
    # Many times as large as the rows made of them.
    call.tensors = None


def _stand_in(call: Call) -> SlotEntry | None:
    """Who answers where `call.entry` does not: production, for a canary that routing chose."""
    chosen = call.entry.slot is Slot.CANARY and not call.version
    return call.table.production if chosen else None
