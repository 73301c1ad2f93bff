"""How a training process ends with its parent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

PARENT_GONE = 2

_LAST_WORDS_S = 8.0


class Lifeline:
    """Stdin is a pipe that nobody writes to: it closes however the parent ended, or when the
    parent wants this process to.

    The process then ends, whatever it does, after its `last_words`; these may take seconds.
    """

    def __init__(self) -> None:
        self.last_words: Callable[[], None] = lambda: None

    def hold(self) -> None:
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while os.read(0, 4096):
            pass
        threading.Timer(_LAST_WORDS_S, os._exit, (PARENT_GONE,)).start()
        try:
            self.last_words()
        finally:
            os._exit(PARENT_GONE)
