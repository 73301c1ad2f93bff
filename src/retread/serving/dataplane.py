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

from retread.core import InvalidInput, RetreadError, Unavailable
from retread.project.sections import CanarySection, ServingSection
from retread.registry.events import Slot
from retread.serving.assembly import assemble, image_files
from retread.serving.call import Call, Outcome
from retread.serving.crew import Crew
from retread.serving.measures import Measures
from retread.serving.pairing import Pairing
from retread.serving.recording.recorder import Recorder
from retread.serving.rows import FEATURES, Rows
from retread.serving.runtime import Runtime
from retread.serving.scoring import Settled, decode_and_score, score_calls
from retread.serving.slots import SlotEntry, SlotHolder
from retread.serving.tensor import Tensor

INLINE_ROWS = 256
"""More rows than this are too long for the event loop, however fast the model is."""

HEAVY_CALLS = 32
"""Calls that a thread scores together."""

TRIAL_BACKLOG = 64
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
    ) -> None:
        self.slots = slots
        self.measures = Measures()
        self.pending = 0
        self._recorder = recorder
        self._serving = serving
        self._now = now
        self._crew = Crew("model", os.cpu_count() or 1)
        self._trial_crew = Crew("trial", 1)
        self._pairing = Pairing(canary.shadow, serving.inline_below_ms, self._trial_crew)
        self._slowdown = canary.max_latency_ratio
        self._waiting: dict[SlotEntry, list[Call]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, call: Call) -> None:
        """Take a call; `call.reply` follows, perhaps before this returns."""
        try:
            if self.pending >= self._serving.max_pending:
                raise Unavailable(
                    f"{self.pending} requests are waiting for a model already.", "Try again soon."
                )
            if not call.prepared:
                self.prepare(call)
        except RetreadError as error:
            self.refuse(call, error)
        else:
            self.pending += 1
            self._enqueue(call)

    def prepare(self, call: Call) -> None:
        """Find who answers, and assemble the rows; may run in any thread. Raises InvalidInput,
        NotFound, Unavailable."""
        call.at = self._now()
        call.prepared = True
        call.table = self.slots.table
        call.entry = call.table.answering(call.key or call.id, call.wish, call.version)
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

    def refuse(self, call: Call, error: RetreadError) -> None:
        """Answer a call that no model can be asked about."""
        call.at = call.at or self._now()
        call.images = ()
        call.reply(error)
        self.measures.refused(call.status)
        self._record([call])

    def close(self) -> None:
        self._crew.close()
        self._trial_crew.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

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
        light = entry.runtime.milliseconds < self._serving.inline_below_ms
        if light and all(_is_small(call) for call in calls):
            self._settle(entry, calls, score_calls(entry, calls))
            return
        size = 1 if entry.runtime.is_image else HEAVY_CALLS
        for start in range(0, len(calls), size):
            self._hand_over(entry, calls[start : start + size])

    def _hand_over(self, entry: SlotEntry, calls: list[Call]) -> None:
        crew = self._crew
        if entry.slot is Slot.CANARY:
            crew = self._trial_crew
            if crew.backlog >= TRIAL_BACKLOG:
                self._overdue(entry, calls, "the canary has too much to do")
                return
            deadline = self._deadline(entry, calls)
            self.loop.call_later(
                deadline, self._overdue, entry, calls, f"no answer within {deadline * 1e3:.0f} ms"
            )
        statistics = self._serving.record
        crew.run(
            self.loop,
            lambda: decode_and_score(entry, calls, statistics=statistics),
            lambda settled: self._settle(entry, calls, settled),
        )

    def _deadline(self, entry: SlotEntry, calls: Sequence[Call]) -> float:
        production = calls[0].table.production or entry
        usual = production.runtime.milliseconds / 1e3
        return 0.05 + 4 * self._slowdown * usual * max(len(calls), self._trial_crew.backlog)

    def _overdue(self, entry: SlotEntry, calls: Sequence[Call], reason: str) -> None:
        """Production answers instead of a canary that has not."""
        late = [call for call in calls if call.entry is entry and call.status == 0]
        for call in late:
            call.paired = Outcome(entry, (), None, (self._now() - call.at) * 1e3, reason)
        self._fall_back(entry, late)

    def _settle(self, entry: SlotEntry, calls: Sequence[Call], settled: Sequence[Settled]) -> None:
        answered: list[Call] = []
        failed: list[Call] = []
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
            elif entry.slot is Slot.CANARY:
                call.paired = result
                failed.append(call)
            else:
                self._give_up(call, result)
                answered.append(call)
        if failed:
            self._fall_back(entry, failed)
        if answered:
            self._count(entry, answered)
            self._pairing.complete(self.loop, entry, answered, self._record)

    def _give_up(self, call: Call, outcome: Outcome) -> None:
        self.pending -= 1
        call.outcome = outcome
        call.reply(Unavailable(f"The model has no answer: {outcome.error}.", "Try again."))

    def _fall_back(self, entry: SlotEntry, calls: Sequence[Call]) -> None:
        self.measures.canary_errors[entry.version] += len(calls)
        for call in calls:
            production = call.table.production
            if production is None:
                self._give_up(call, call.paired or Outcome(entry, (), None, 0.0, "no production"))
                self._record([call])
            else:
                call.entry = production
                self._enqueue(call)

    def _count(self, entry: SlotEntry, calls: Sequence[Call]) -> None:
        seconds = self._now() - calls[0].at
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


def _is_small(call: Call) -> bool:
    return call.rows is not None and call.rows.count <= INLINE_ROWS and call.rows.pixels is None
