"""One supervised process, from its start to its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from retread.app.supervisor.identity import birth
from retread.app.supervisor.logs import last_lines
from retread.app.supervisor.service import Service

_PROBE_TIMEOUT_S = 2.0


class Child:
    """A service's process, in a process group of its own, writing to its log."""

    def __init__(
        self, service: Service, log: Path, lifeline: int, environment: Mapping[str, str]
    ) -> None:
        """`lifeline` is the reading end of the supervisor's pipe; see `guard`."""
        self.service = service
        self._log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", "retread.app.supervisor.guard", str(lifeline)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, service.module, *service.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline,),
                start_new_session=True,
                env={**environment, "PYTHONUNBUFFERED": "1", **service.environment},
            )
        self.pid = self._process.pid
        self.born = birth(self.pid)

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Whether it answers its probe, or has said that it is ready."""
        if self.service.port:
            return _answers(self.service.host, self.service.port, self.service.probe)
        if self._log.stat().st_size < self._log_start:
            self._log_start = 0  # what was there was moved away
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            return self.service.ready_line.encode() in file.read().splitlines()

    def last_words(self) -> tuple[str, ...]:
        """The end of its log."""
        return last_lines(self._log)

    def terminate(self) -> None:
        """Ask it to end."""
        if self.exit_code() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill_group(self) -> None:
        """End whatever is left of it and its children, and reap it."""
        # macOS says EPERM for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def end_all(children: Sequence[Child], within_s: float) -> None:
    """Ask all to end, in this order; what has not after `within_s` is killed."""
    deadline = time.monotonic() + within_s
    for child in children:
        child.terminate()
    while any(child.exit_code() is None for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in children:
        child.kill_group()


def _answers(host: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=_PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
