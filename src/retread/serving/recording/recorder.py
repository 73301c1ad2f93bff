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
from retread.serving.recording.unwritten import Unwritten, unwritten

_PAUSE_S = 0.1
_CHUNK = 256
_PAYLOAD_BYTES = 64_000_000
"""Bytes in the queue beyond which images are left out."""
_RECORD_BYTES = 128_000_000
"""Bytes in the queue beyond which nothing is taken."""
_EXPIRE_EVERY_S = 3600.0

logger = logging.getLogger(__name__)


class Recorder:
    """Takes answered calls from the event loop; a thread of its own writes them.

    What does not fit is dropped and counted: records beyond `capacity` or _RECORD_BYTES,
    payloads beyond _PAYLOAD_BYTES, anything the disk does not take.
    """

    def __init__(
        self, log: SegmentTrafficLog, *, capacity: int, payloads: bool, keep_s: float
    ) -> None:
        self._log = log
        self._capacity = capacity
        self._payloads = payloads
        self._keep_s = keep_s
        self._plain = PlainLines()
        self._queue: deque[Unwritten | bytes] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        # Each is written by one thread only: those that take by the event loop, the others by
        # the recorder's.
        self._bytes_taken = 0
        self._bytes_done = 0
        self._not_taken = 0
        self._not_written = 0
        self._payloads_not_taken = 0
        self._payloads_not_written = 0
        self.written = 0

    def start(self) -> None:
        self._thread.start()

    def put(self, calls: Sequence[Call]) -> None:
        """Never blocks; to be called from one thread only.

        The plainest calls become bytes here: cheaper than keeping all they hold for the thread,
        and than two threads in turn at one interpreter.
        """
        room = self._capacity - len(self._queue)
        if self.waiting_bytes > _RECORD_BYTES:
            room = 0
        if room < len(calls):
            self._not_taken += len(calls) - max(room, 0)
            calls = calls[: max(room, 0)]
        plain = self._plain.plain
        size = 0
        for call in calls:
            line = plain(call)
            if line is not None:
                size += len(line)
                self._queue.append(line)
            else:
                self._take(unwritten(call))
        self._bytes_taken += size

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log.close()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """About how much memory the queue holds."""
        return self._bytes_taken - self._bytes_done

    @property
    def dropped(self) -> int:
        """Calls of which nothing was recorded."""
        return self._not_taken + self._not_written

    @property
    def dropped_payloads(self) -> int:
        """Images that were not kept, though their calls may be recorded."""
        return self._payloads_not_taken + self._payloads_not_written

    def _take(self, item: Unwritten) -> None:
        size = sum(map(len, item.images))
        if size and not (self._payloads and self.waiting_bytes + size <= _PAYLOAD_BYTES):
            self._payloads_not_taken += len(item.images) if self._payloads else 0
            item.images = ()
            size = 0
        item.size += size
        self._bytes_taken += item.size
        self._queue.append(item)

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
        lines = [line for item in items if (line := self._line(item)) is not None]
        try:
            self._log.append_lines(b"".join(lines))
            self.written += len(lines)
        except OSError as error:
            self._not_written += len(lines)
            logger.error("%d answers could not be recorded: %s", len(lines), error)
            # A full disk is not filled by trying harder.
            self._stopping.wait(_PAUSE_S)
        self._bytes_done += sum(
            len(item) if isinstance(item, bytes) else item.size for item in items
        )

    def _line(self, item: Unwritten | bytes) -> bytes | None:
        if isinstance(item, bytes):
            return item
        try:
            return lines_of(item, self._keep(item))
        except Exception:  # one record that cannot be made must not end all recording
            self._not_written += 1
            logger.exception("The answer %s could not be recorded.", item.id)
            return None

    def _keep(self, item: Unwritten) -> Sequence[str]:
        try:
            return [self._log.put_payload(image) for image in item.images]
        except OSError as error:
            self._payloads_not_written += len(item.images)
            logger.error("The images of %s could not be kept: %s", item.id, error)
            return ()

    def _expire(self) -> None:
        try:
            self._log.expire(before=time.time() - self._keep_s)
        except OSError as error:
            logger.warning("Old traffic could not be deleted: %s", error)
