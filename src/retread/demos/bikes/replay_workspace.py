"""A workspace at the time of the replayed data, while its servers live in the present."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from retread.app import Workspace
from retread.core import ManualClock, SystemClock
from retread.project import LoadedProject
from retread.registry import ServerDirectory, SqlServerDirectory
from retread.serving import Cursor, PredictionRecord, SegmentTrafficLog, TrafficLog


class ReplayedTraffic:
    """The recorded traffic, at the times of the replay.

    The server, another process, records when it was called; `set_time` gives a request the time of
    its hour instead.
    """

    def __init__(self, log: TrafficLog) -> None:
        self._log = log
        self._times: dict[str, float] = {}

    def set_time(self, request_id: str, at: float) -> None:
        """Set the replayed time of a request, in seconds since the epoch."""
        self._times[request_id] = at

    def append(self, records: Sequence[PredictionRecord]) -> None:
        self._log.append(records)

    def read(self, after: Cursor, limit: int) -> tuple[tuple[PredictionRecord, ...], Cursor]:
        records, cursor = self._log.read(after, limit)
        return tuple(self._timed(record) for record in records), cursor

    def find(self, request_id: str) -> PredictionRecord | None:
        record = self._log.find(request_id)
        return record and self._timed(record)

    def put_payload(self, content: bytes) -> str:
        return self._log.put_payload(content)

    def payload(self, digest: str) -> bytes:
        return self._log.payload(digest)

    def _timed(self, record: PredictionRecord) -> PredictionRecord:
        return msgspec.structs.replace(record, at=self._times.get(record.id, record.at))


class ReplayWorkspace(Workspace):
    """A workspace on a clock that the replay sets."""

    def __init__(self, project: LoadedProject, clock: ManualClock) -> None:
        super().__init__(project, clock)
        self.replay_clock = clock

    @cached_property
    def traffic(self) -> ReplayedTraffic:
        return ReplayedTraffic(SegmentTrafficLog(self.project.traffic))

    @cached_property
    def servers(self) -> ServerDirectory:
        # By the clock of the replay, a server of today would not have been seen for years.
        return SqlServerDirectory(self.database, SystemClock())
