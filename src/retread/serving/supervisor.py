"""Several server processes on one port; one that dies is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

_LOOK_S = 0.2
_BACKOFF_S = 1.0
_GRACE_S = 40.0


class Supervisor:
    """Keeps `count` processes of one command running until SIGTERM or SIGINT; each is told its
    number by `--worker`."""

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._command = list(command)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._count = count
        self._ending = False

    def run(self) -> int:
        """0 when asked to end and every process drained."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        self._processes = [self._start(number) for number in range(self._count)]
        while not self._ending:
            time.sleep(_LOOK_S)
            self._revive()
        return self._drain()

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        # A group of its own: Ctrl-C in a terminal reaches the workers through us only.
        return subprocess.Popen([*self._command, "--worker", str(number)], process_group=0)

    def _revive(self) -> None:
        for index, process in enumerate(self._processes):
            if process.poll() is not None and not self._ending:
                sys.stderr.write(f"server {process.pid} ended with {process.returncode}\n")
                time.sleep(_BACKOFF_S)
                if not self._ending:
                    self._processes[index] = self._start(index)

    def _drain(self) -> int:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _GRACE_S
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        # A worker that was told to end before it served had nothing to drain.
        clean = (0, -signal.SIGTERM)
        return 0 if all(process.wait() in clean for process in self._processes) else 1

    def _end(self, _: int, __: FrameType | None) -> None:
        self._ending = True


def end_with_parent(parent: int) -> None:
    """End as if told to when the supervisor is gone; to be run in a thread."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)
