"""A data plane in this process, and calls that remember their reply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from retread.core import RetreadError
from retread.project.settings import CanarySection, ServingSection
from retread.registry.events import Slot
from retread.serving import Cursor, PredictionRecord, SegmentTrafficLog
from retread.serving.call import Call
from retread.serving.dataplane import DataPlane
from retread.serving.recording.recorder import Recorder
from retread.serving.runtime import Runtime
from retread.serving.slots import SlotEntry, SlotHolder

SETOSA = (5.1, 3.5, 1.4, 0.2)


class PlainCall(Call):
    """A call without a transport."""

    __slots__ = ("done", "error")

    def __init__(
        self, name: str, values: Sequence[float] = SETOSA, *, version: int | None = None
    ) -> None:
        super().__init__()
        self.id = name
        self.values = values
        self.requested_version = version
        self.error: RetreadError | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def reply(self, error: RetreadError | None) -> None:
        self.error = error
        self.status = 200 if error is None else 503
        self.done.set_result(None)

    @property
    def slot(self) -> str:
        assert self.result is not None
        return self.entry.slot.value


@dataclass
class PlaneFactory:
    """Makes data planes that record in `folder`."""

    folder: Path

    @contextmanager
    def plane(self, serving: ServingSection, **runtimes: Runtime) -> Iterator[DataPlane]:
        """Make a data plane with models by slot, versions 1, 2, ...; a canary gets all traffic."""
        slots = SlotHolder()
        for version, (name, runtime) in enumerate(runtimes.items(), start=1):
            entry = entry_of(name, runtime, version)
            slots.table = slots.table.with_entry(entry.slot, 1, entry)
        recorder = Recorder(
            SegmentTrafficLog(self.folder),
            capacity=1000,
            payloads=True,
            keep_s=1e9,
            max_rows=serving.record_rows,
        )
        recorder.start()
        plane = DataPlane(slots, recorder, serving, CanarySection())
        try:
            yield plane
        finally:
            plane.close()
            recorder.stop()

    def records(self) -> dict[str, PredictionRecord]:
        """Return what was recorded, by id."""
        found, _ = SegmentTrafficLog(self.folder).read(Cursor(), 10_000)
        by_id = {record.id: record for record in found}
        assert len(by_id) == len(found), "a call was recorded twice"
        return by_id


def entry_of(slot: str, runtime: Runtime, version: int = 1) -> SlotEntry:
    """Make a slot entry; a canary gets all traffic."""
    return SlotEntry(Slot(slot), version, 1, 1.0, runtime)


async def submit_all(plane: DataPlane, calls: Sequence[PlainCall]) -> None:
    """Submit all calls in one turn of the event loop, and wait for the replies."""
    for call in calls:
        plane.submit(call)
    await asyncio.gather(*(call.done for call in calls))
