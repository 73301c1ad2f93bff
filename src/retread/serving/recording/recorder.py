"""Recording predictions off the request path, from a bounded queue."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from retread.serving.call import Call
from retread.serving.metrics import RecorderCounts
from retread.serving.recording.records import FastLineEncoder, PendingRecord
from retread.serving.recording.traffic_log import SegmentTrafficLog

_PAUSE_S = 0.1
_FLUSH_S = 1.0
_BATCH = 256
_MAX_PAYLOAD_BYTES = 64_000_000
"""Bytes in the queue beyond which images are dropped."""
_MAX_BYTES = 128_000_000
"""Bytes in the queue beyond which everything is dropped."""
_EXPIRE_EVERY_S = 3600.0

logger = logging.getLogger(__name__)


class Recorder:
    """Takes answered calls from the event loop and writes them in a thread.

    What does not fit is dropped and counted: records beyond `capacity` or _MAX_BYTES, images
    beyond _MAX_PAYLOAD_BYTES, and anything that the disk does not take.
    """

    def __init__(
        self,
        log: SegmentTrafficLog,
        *,
        capacity: int,
        payloads: bool,
        keep_s: float,
        max_rows: int = 1000,
    ) -> None:
        """Prepare a recorder.

        Args:
            log: Where records and images go.
            capacity: How many calls may wait to be written.
            payloads: Whether to keep images.
            keep_s: Age in seconds after which traffic is deleted.
            max_rows: How many rows of one call are recorded; of more, a sample is.
        """
        self._log = log
        self._capacity = capacity
        self._payloads = payloads
        self._keep_s = keep_s
        self._max_rows = max_rows
        self._fast_lines = FastLineEncoder()
        self._queue: deque[PendingRecord | bytes] = deque()
        self._stopping = False
        self._wake = threading.Event()
        self._flushed: deque[threading.Event] = deque()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        # Each counter is written by one thread only: what is enqueued, rejected and left out by the
        # event loop, the others by the recorder's thread.
        self._bytes_enqueued = 0
        self._bytes_done = 0
        self._rejected = 0
        self._not_written = 0
        self._payloads_rejected = 0
        self._rows_left_out = 0
        self._payloads_not_written = 0
        self._written = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, calls: Sequence[Call]) -> None:
        """Queue finished calls. It never blocks, and may be called by one thread only.

        Calls of one numeric row become bytes here: that is cheaper than keeping all that they
        hold for the thread, and than two threads that contend for one interpreter.
        """
        room = self._capacity - len(self._queue)
        if self.waiting_bytes > _MAX_BYTES:
            room = 0
        if room < len(calls):
            self._rejected += len(calls) - max(room, 0)
            calls = calls[: max(room, 0)]
        encode, queue = self._fast_lines.encode, self._queue
        size = 0
        for call in calls:
            line = encode(call)
            if line is not None:
                size += len(line)
                queue.append(line)
            else:
                self._enqueue(PendingRecord.of(call, self._max_rows))
        self._bytes_enqueued += size

    def flush(self) -> None:
        """Return once what is queued now is written, or after _FLUSH_S."""
        flushed = threading.Event()
        self._flushed.append(flushed)
        self._wake.set()
        flushed.wait(_FLUSH_S)

    def stop(self) -> None:
        """Write what is queued, then stop the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._log.close()

    @property
    def waiting(self) -> int:
        """Number of calls that wait to be written."""
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """Approximate memory of the queue."""
        return self._bytes_enqueued - self._bytes_done

    @property
    def counts(self) -> RecorderCounts:
        """What was written, and what was dropped: whole calls, and images of recorded calls."""
        return RecorderCounts(
            written=self._written,
            dropped=self._rejected + self._not_written,
            dropped_payloads=self._payloads_rejected + self._payloads_not_written,
            rows_left_out=self._rows_left_out,
        )

    def _enqueue(self, item: PendingRecord) -> None:
        if item.sampled_from:
            self._rows_left_out += item.sampled_from - len(item.indices)
        if item.images and not self._payloads:
            item.drop_images()
        elif item.images:
            image_bytes = sum(map(len, item.images))
            if self.waiting_bytes + image_bytes > _MAX_PAYLOAD_BYTES:
                self._payloads_rejected += len(item.images)
                item.drop_images()
        self._bytes_enqueued += item.size
        self._queue.append(item)

    def _run(self) -> None:
        expire_at = 0.0
        while not self._stopping or self._queue:
            self._wake.wait(_PAUSE_S)
            self._wake.clear()
            awaited, waiting = len(self._flushed), len(self._queue)
            for start in range(0, waiting, _BATCH):
                self._write(min(_BATCH, waiting - start))
            for _ in range(awaited):
                self._flushed.popleft().set()
            if time.monotonic() >= expire_at:
                expire_at = time.monotonic() + _EXPIRE_EVERY_S
                self._expire()

    def _write(self, count: int) -> None:
        items = [self._queue.popleft() for _ in range(count)]
        lines = [line for item in items if (line := self._encode(item)) is not None]
        try:
            self._log.append_lines(b"".join(lines))
            self._written += len(lines)
        except OSError as error:
            self._not_written += len(lines)
            logger.error("%d records could not be written: %s", len(lines), error)
            # Retrying at once does not help a full disk.
            self._wake.wait(_PAUSE_S)
        self._bytes_done += sum(
            len(item) if isinstance(item, bytes) else item.size for item in items
        )

    def _encode(self, item: PendingRecord | bytes) -> bytes | None:
        if isinstance(item, bytes):
            return item
        try:
            return item.lines(self._keep_images(item))
        except Exception:  # one record that cannot be made must not end all recording
            self._not_written += 1
            logger.exception("Request %s could not be recorded.", item.id)
            return None

    def _keep_images(self, item: PendingRecord) -> Sequence[str]:
        try:
            return [self._log.put_payload(image) for image in item.images]
        except OSError as error:
            self._payloads_not_written += len(item.images)
            logger.error("The images of request %s could not be kept: %s", item.id, error)
            return ()

    def _expire(self) -> None:
        try:
            self._log.expire(before=time.time() - self._keep_s)
        except OSError as error:
            logger.warning("Old traffic could not be deleted: %s", error)
