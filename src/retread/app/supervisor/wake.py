"""Sleeping until a signal comes or time is over."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Self

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Wake:
    """While entered, a child's death and the ending signals cut `wait` short."""

    def __init__(self) -> None:
        self.told_to_end = False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or at the next signal."""
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if ready:
            os.read(self._reading, 4096)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.told_to_end = True
