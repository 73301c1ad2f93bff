"""Several server processes on one port; one that ends is restarted."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

from retread.core import Backoff
from retread.core.parent_watch import ParentPipe

_POLL_S = 0.2
_BACKOFF = Backoff(first_s=1.0, longest_s=30.0)
_STABLE_S = 60.0
"""A worker that has run for this long starts its backoff anew."""
_GRACE_S = 40.0

logger = logging.getLogger(__name__)


class WorkerSupervisor:
    """Keeps a number of worker processes running until SIGTERM or SIGINT.

    Each is started with `--parent-pipe FD` and `--worker NUMBER` after the command.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        """Prepare the supervisor.

        Args:
            command: What starts one worker.
            count: How many workers there are.
        """
        self._pipe = ParentPipe()
        pipe = str(self._pipe.child_end)
        self._workers = [
            _Worker([*command, "--parent-pipe", pipe, "--worker", str(number)], self._pipe)
            for number in range(count)
        ]
        self._stopping = False

    def run(self) -> int:
        """Run the workers.

        Returns:
            The exit code: 0 if every worker was drained, 1 otherwise.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for worker in self._workers:
            worker.start()
        while not self._stopping:
            time.sleep(_POLL_S)
            for worker in self._workers:
                worker.restart_if_due()
        return self._drain()

    def _drain(self) -> int:
        for worker in self._workers:
            worker.terminate()
        deadline = time.monotonic() + _GRACE_S
        drained = [worker.wait_until(deadline) for worker in self._workers]
        self._pipe.close()
        return 0 if all(drained) else 1

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True


class _Worker:
    """One worker process, and when it is due to be restarted."""

    def __init__(self, command: Sequence[str], pipe: ParentPipe) -> None:
        self._command = command
        self._pipe = pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._failures = 0

    def start(self) -> None:
        # A process group of its own: Ctrl-C in a terminal reaches the worker through us only.
        self._process = subprocess.Popen(
            self._command, process_group=0, pass_fds=(self._pipe.child_end,)
        )
        self._started_at = time.monotonic()
        self._restart_at = None

    def restart_if_due(self) -> None:
        """Plan the restart of a worker that has ended; start it when its pause is over."""
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
        elif self._process is not None and self._process.poll() is not None:
            if now - self._started_at >= _STABLE_S:
                self._failures = 0
            self._failures += 1
            pause_s = _BACKOFF.pause_s(self._failures)
            self._restart_at = now + pause_s
            logger.error(
                "Worker process %d ended with exit code %d; restarting in %.0f s.",
                self._process.pid,
                self._process.returncode,
                pause_s,
            )

    def terminate(self) -> None:
        """Send SIGTERM, if the process runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_until(self, deadline: float) -> bool:
        """Wait for the process, kill it at the deadline, and return whether it ended cleanly."""
        process = self._process
        if process is None:
            return True
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
        # SIGTERM ends a worker that was not serving yet: it had nothing to drain.
        return process.wait() in (0, -signal.SIGTERM)
