"""`python -m retread.serving --project PATH [--port N] [--workers N] [--ready-file FILE]`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from retread.core import RetreadError, Unavailable, write_atomically
from retread.core.address import http_address
from retread.project import LoadedProject, open_project
from retread.serving.supervisor import Supervisor, end_with_parent

_BACKLOG = 2048


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM; 0 when drained, 1 when the server could not start."""
    options = _parser().parse_args(arguments)
    # Until the server takes it over: before it serves there is nothing to drain.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        project = open_project(options.project, os.environ)
        settings = project.settings.serving
        port = settings.port if options.port is None else options.port
        workers = options.workers or settings.workers
        if workers > 1:
            # Sharing a port would also share it with a stranger; this fails if there is one.
            _bound(settings.host, port, shared=False).close()
        listener = _bound(settings.host, port, shared=workers > 1 or options.supervisor > 0)
        if workers > 1:
            return _supervise(project, options, listener, workers)
        _serve(project, options, listener)
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retread.serving", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--port", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--ready-file", type=Path)
    # A worker's own options: who watches it, and which of several it is.
    parser.add_argument("--supervisor", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    return parser


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            "End what uses it, or choose another with --port or [serving] port.",
        ) from error
    listener.set_inheritable(False)
    return listener


def _serve(project: LoadedProject, options: argparse.Namespace, listener: socket.socket) -> None:
    from retread.serving.worker import log_to_stderr, serve

    log_to_stderr()
    if options.supervisor:
        watch = threading.Thread(target=end_with_parent, args=(options.supervisor,), daemon=True)
        watch.start()
    else:
        # Alone, it lets connections wait while it starts. Beside others it must not: the kernel
        # would give it its part of the new ones, while they could be answered.
        listener.listen(_BACKLOG)
    host, port = listener.getsockname()[:2]

    def announce() -> None:
        if options.ready_file:
            write_atomically(options.ready_file, http_address(host, port).encode())

    serve(project, listener, announce, worker=options.worker)


def _supervise(
    project: LoadedProject, options: argparse.Namespace, listener: socket.socket, workers: int
) -> int:
    # The bound socket is kept, unheard, so that the port stays ours; workers share it.
    port = listener.getsockname()[1]
    command = [sys.executable, "-m", "retread.serving", "--project", str(project.root)]
    command += ["--port", str(port), "--workers", "1", "--supervisor", str(os.getpid())]
    if options.ready_file:
        command += ["--ready-file", str(options.ready_file)]
    return Supervisor(command, workers).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
