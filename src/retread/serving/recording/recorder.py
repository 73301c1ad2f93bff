"""Answers written down off the request path, in a bounded queue."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from retread.serving.call import Call
from retread.serving.recording.lines import PlainLines, lines_of
from retread.serving.recording.traffic_log import SegmentTrafficLog

_PAUSE_S = 0.1
_CHUNK = 256
_PAYLOAD_BYTES = 64_000_000
_EXPIRE_EVERY_S = 3600.0

logger = logging.getLogger(__name__)


class Recorder:
    """Takes answered calls from the event loop; a thread of its own writes them.

    What does not fit is dropped and counted: records beyond `capacity`, payloads beyond
    _PAYLOAD_BYTES in the queue, anything the disk does not take.
    """

    def __init__(
        self, log: SegmentTrafficLog, *, capacity: int, payloads: bool, keep_s: float
    ) -> None:
        self._log = log
        self._capacity = capacity
        self._payloads = payloads
        self._keep_s = keep_s
        self._plain = PlainLines()
        self._queue: deque[Call | bytes] = deque()
        self._queued_bytes = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.dropped = 0
        self.dropped_payloads = 0
        self.written = 0

    def start(self) -> None:
        self._thread.start()

    def put(self, calls: Sequence[Call]) -> None:
        """Never blocks; to be called from one thread only.

        The plainest calls become bytes here: cheaper than keeping all they hold for the thread,
        and than two threads in turn at one interpreter.
        """
        room = self._capacity - len(self._queue)
        if room < len(calls):
            self.dropped += len(calls) - max(room, 0)
            calls = calls[: max(room, 0)]
        plain = self._plain.plain
        for call in calls:
            if call.images:
                self._admit(call)
            self._queue.append(plain(call) or call)

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log.close()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def _admit(self, call: Call) -> None:
        size = sum(map(len, call.images))
        if not self._payloads or self._queued_bytes + size > _PAYLOAD_BYTES:
            self.dropped_payloads += len(call.images) if self._payloads else 0
            call.images = ()
        else:
            self._queued_bytes += size

    def _run(self) -> None:
        expire_at = 0.0
        while not (self._stopping.wait(_PAUSE_S) and not self._queue):
            while self._queue:
                self._write(min(_CHUNK, len(self._queue)))
            if time.monotonic() >= expire_at:
                expire_at = time.monotonic() + _EXPIRE_EVERY_S
                self._expire()

    def _write(self, count: int) -> None:
        items = [self._queue.popleft() for _ in range(count)]
        try:
            self._log.append_lines(b"".join([self._line(item) for item in items]))
            self.written += count
        except OSError as error:
            self.dropped += count
            logger.error("%d answers could not be recorded: %s", count, error)
            # A full disk is not filled by trying harder.
            self._stopping.wait(_PAUSE_S)

    def _line(self, item: Call | bytes) -> bytes:
        return item if isinstance(item, bytes) else lines_of(item, self._keep(item))

    def _keep(self, call: Call) -> Sequence[str]:
        if not call.images:
            return ()
        self._queued_bytes -= sum(map(len, call.images))
        return [self._log.put_payload(image) for image in call.images]

    def _expire(self) -> None:
        try:
            self._log.expire(before=time.time() - self._keep_s)
        except OSError as error:
            logger.warning("Old traffic could not be deleted: %s", error)
