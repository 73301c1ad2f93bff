"""Where a retraining waits for labels or traffic, and where others wait until it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum


class WaitReason(StrEnum):
    """What a retraining waits for."""

    LABELS = "labels"
    TRAFFIC = "traffic"


class Interrupted(BaseException):
    """Raised where a retraining waits when the loop stops. The step runs again at the next start.

    It is not an Exception, so that no handler on the way mistakes it for the failure of the step.
    """


class WaitPoint:
    """Coordinates one retraining, which reads traffic, with callers that produce traffic.

    Reads are numbered, so that `wait_until_idle` can tell a read that saw all the traffic recorded
    before it was called from one that started too early.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reads = 0
        self._last_idle_read = 0
        self._reason: WaitReason | None = None
        self._woken = False
        self._stopped = False

    @property
    def reason(self) -> WaitReason | None:
        """What the retraining waits for; None if it does not wait."""
        return self._reason

    def begin_read(self) -> int:
        """Start to read the recorded traffic.

        Returns:
            The number of this read.

        Raises:
            Interrupted: The loop stops.
        """
        with self._changed:
            self._check()
            self._reads += 1
            return self._reads

    def pause(self, read: int, reason: WaitReason, seconds: float) -> None:
        """Sleep after a read that left the decision open.

        Args:
            read: The number of the read, from `begin_read`.
            reason: What is still missing.
            seconds: How long to sleep at most; `wait_until_idle` ends the sleep.

        Raises:
            Interrupted: The loop stops.
        """
        with self._changed:
            self._last_idle_read, self._reason = read, reason
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._woken or self._stopped, seconds)
            self._woken = False
            self._check()

    def done(self) -> None:
        """Declare that nothing is waited for any more."""
        with self._changed:
            self._reason = None
            self._changed.notify_all()

    def wait_until_idle(
        self, idle: Callable[[], bool], timeout_s: float, poll_s: float = 0.05
    ) -> bool:
        """Wait until the retraining has read everything recorded so far and needs more, or is idle.

        Args:
            idle: Tells whether no retraining runs.
            timeout_s: How long to wait at most.
            poll_s: Seconds between two calls of `idle`.

        Returns:
            False if neither happened in time.
        """
        with self._changed:
            before = self._reads
            waited = 0.0
            while waited < timeout_s:
                self._woken = True
                self._changed.notify_all()
                if (self._last_idle_read > before and self._reason) or idle():
                    self._woken = False
                    return True
                self._changed.wait(poll_s)
                waited += poll_s
        return False

    def check(self) -> None:
        """Raise if the loop stops.

        Raises:
            Interrupted: The loop stops.
        """
        with self._changed:
            self._check()

    def stop(self) -> None:
        """Interrupt current and future waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _check(self) -> None:
        if self._stopped:
            raise Interrupted
