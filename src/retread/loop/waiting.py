"""Where a retraining waits for traffic, and where others wait for it to do so."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Interrupted(BaseException):
    """The loop is being stopped; the step that raises this is run again when it starts.

    Not an Exception, so that nothing on the way takes it for the end of a step.
    """


class WaitPoint:
    """The meeting point of one retraining, which reads traffic, and whoever produces it.

    Readings are numbered, so that `settle` can tell one that saw all the traffic sent before it
    from one that began too early.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readings = 0
        self._undecided = 0
        self._reason = ""
        self._poked = False
        self._stopped = False

    @property
    def reason(self) -> str:
        """What is waited for: 'labels', 'traffic', or '' for nothing."""
        return self._reason

    def begin(self) -> int:
        """A reading of the traffic begins; its number. Raises Interrupted."""
        with self._changed:
            self._check()
            self._readings += 1
            return self._readings

    def pause(self, reading: int, reason: str, seconds: float) -> None:
        """Everything was read and decided nothing: sleep, unless `settle` has more to show.

        Raises Interrupted.
        """
        with self._changed:
            self._undecided, self._reason = reading, reason
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._poked or self._stopped, seconds)
            self._poked = False
            self._check()

    def decided(self) -> None:
        """Nothing is waited for any more."""
        with self._changed:
            self._reason = ""
            self._changed.notify_all()

    def settle(self, idle: Callable[[], bool], timeout_s: float, poll_s: float = 0.05) -> bool:
        """Wait until `idle`, or until a reading that begins from now on decided nothing.

        False if neither happened in time.
        """
        with self._changed:
            before = self._readings
            waited = 0.0
            while waited < timeout_s:
                self._poked = True
                self._changed.notify_all()
                if self._undecided > before and self._reason:
                    self._poked = False
                    return True
                if idle():
                    self._poked = False
                    return True
                self._changed.wait(poll_s)
                waited += poll_s
        return False

    def check(self) -> None:
        """Raises Interrupted when the loop is being stopped."""
        with self._changed:
            self._check()

    def stop(self) -> None:
        """Whoever waits is interrupted, and nobody begins to wait again."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _check(self) -> None:
        if self._stopped:
            raise Interrupted
