"""One supervised process, from its start to its end, and its log."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from retread.app.supervisor.service import Service
from retread.core import Unavailable
from retread.core.files import PRIVATE_UMASK
from retread.core.http_client import HttpClient

LARGEST_LOG = 10_000_000
_PROBE_TIMEOUT_S = 2.0
_TAIL_BYTES = 8_192


class ServiceProcess:
    """The process of a service, in a process group of its own, writing to its log.

    Args:
        service: What to run.
        log: File to which its output is appended.
        pipe: Read end of a pipe of the parent; the process ends when the pipe closes (see
            `retread.core.parent_watch`).
        environment: Environment variables; those of the service are added.
    """

    def __init__(
        self, service: Service, log: Path, pipe: int, environment: Mapping[str, str]
    ) -> None:
        self.service = service
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", "retread.core.parent_watch", str(pipe)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, service.module, *service.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(pipe,),
                start_new_session=True,
                umask=PRIVATE_UMASK,
                env={**environment, "PYTHONUNBUFFERED": "1", **service.environment},
            )
        self.pid = self._process.pid

    def exit_code(self) -> int | None:
        """Return None while the process runs; a negative number if a signal ended it."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Return whether it passes its probe, or has logged that it is ready."""
        if self.service.port:
            return _responds(self.service)
        if self._log.stat().st_size < self._log_start:
            self._log_start = 0  # the log was rotated
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            return self.service.ready_line.encode() in file.read().splitlines()

    def log_tail(self) -> tuple[str, ...]:
        """Return the last lines of its log."""
        return log_tail(self._log)

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self.exit_code() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill_group(self) -> None:
        """Kill what is left of the process and its children, and reap it."""
        # macOS returns EPERM for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def stop_all(processes: Sequence[ServiceProcess], within_s: float) -> None:
    """Terminate the processes in this order, and kill those that run after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    for process in processes:
        process.terminate()
    while any(p.exit_code() is None for p in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        process.kill_group()


def log_tail(path: Path, count: int = 6) -> tuple[str, ...]:
    """Return the last non-empty lines of a log, at most `count`; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(line.rstrip() for line in text.splitlines() if line.strip())[-count:]


def rotate(path: Path, largest: int = LARGEST_LOG) -> None:
    """Move the content of a log of more than `largest` bytes to `NAME.log.1`.

    The writer keeps its file: it appends, so it continues at the new start.
    """
    if not path.exists() or path.stat().st_size <= largest:
        return
    shutil.copyfile(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


def _responds(service: Service) -> bool:
    with HttpClient(service.address or "", _PROBE_TIMEOUT_S) as client:
        try:
            return client.request("GET", service.probe).status == HTTPStatus.OK
        except Unavailable:
            return False
