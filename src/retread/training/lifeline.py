"""How a training process ends with its parent."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Callable

PARENT_GONE = 2

_LAST_WORDS_S = 8.0


class Lifeline:
    """Stdin is a pipe that nobody writes to: it closes however the parent ended, or when the
    parent wants this process to.

    A run that `is_open` is interrupted, so that it can be recorded as such; a library that does
    not return to Python in time is not waited for. Otherwise the process ends at once.
    """

    def __init__(self) -> None:
        self.is_open: Callable[[], bool] = lambda: False

    def hold(self) -> None:
        # What is started in the background of a shell ignores it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while os.read(0, 4096):
            pass
        if self.is_open():
            _thread.interrupt_main()
            time.sleep(_LAST_WORDS_S)
        os._exit(PARENT_GONE)
