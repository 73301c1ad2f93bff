"""The server as a program.

`python -m retread.serving --project PATH [--port N] [--workers N] [--ready-file FILE]`
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from retread.core import RetreadError, write_atomically
from retread.core.files import PRIVATE_UMASK
from retread.core.http_client import http_address
from retread.core.parent_watch import ParentWatch, terminate_process
from retread.project import LoadedProject, open_project
from retread.serving.listener import bind_listener
from retread.serving.worker_supervisor import WorkerSupervisor

_BACKLOG = 2048


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM.

    Returns:
        The exit code: 0 when drained, 1 if the server could not start.
    """
    options = _parser().parse_args(arguments)
    # Until the server takes over the signals there is nothing to drain.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    _log_to_stderr()
    os.umask(PRIVATE_UMASK)  # what is written here holds answers and photos
    try:
        project = open_project(options.project, os.environ)
        settings = project.settings.serving
        port = settings.port if options.port is None else options.port
        workers = options.workers or settings.workers
        is_worker = options.parent_pipe is not None
        if workers > 1:
            # A shared port would also be shared with another server; this fails if there is one.
            bind_listener(settings.host, port, shared=False).close()
        listener = bind_listener(settings.host, port, shared=workers > 1 or is_worker)
        if workers > 1:
            return _supervise(project, options, listener, workers)
        _serve(project, options, listener)
    except RetreadError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retread.serving", description=__doc__)
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--port", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--ready-file", type=Path)
    # For workers: the pipe that closes with their supervisor, and their number.
    parser.add_argument("--parent-pipe", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, default=0, help=argparse.SUPPRESS)
    # For benchmarks: `infer` through ASGI, like every other route.
    parser.add_argument("--plain-asgi", action="store_true", help=argparse.SUPPRESS)
    return parser


def _serve(project: LoadedProject, options: argparse.Namespace, listener: socket.socket) -> None:
    from retread.serving.worker import serve  # heavy: a supervisor does not need it

    if options.parent_pipe is not None:
        ParentWatch(options.parent_pipe, terminate_process).start()
    else:
        # A single server lets connections wait while it starts. A worker must not: the kernel
        # would give it its share of the new ones, which the other workers could answer.
        listener.listen(_BACKLOG)
    host, port = listener.getsockname()[:2]

    def announce() -> None:
        if options.ready_file:
            write_atomically(options.ready_file, http_address(host, port).encode())

    serve(
        project,
        listener,
        announce,
        worker=options.worker,
        plain_asgi=options.plain_asgi,
    )


def _supervise(
    project: LoadedProject, options: argparse.Namespace, listener: socket.socket, workers: int
) -> int:
    # The bound socket reserves the port for the workers that share it; it never listens.
    port = listener.getsockname()[1]
    command = [sys.executable, "-m", "retread.serving", "--project", str(project.root)]
    command += ["--port", str(port), "--workers", "1"]
    if options.ready_file:
        command += ["--ready-file", str(options.ready_file)]
    return WorkerSupervisor(command, workers).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
