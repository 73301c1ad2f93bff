"""An HTTP server in a thread of this process, so that tests can make its parts fail."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from tests.serving.inprocess_plane import PlaneFactory
from tests.serving.running import rows, until

from retread.project.settings import ServingSection
from retread.serving.dataplane import DataPlane
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.routes import InferenceEndpoints, build_app
from retread.serving.http.server import HttpServer
from retread.serving.http.server_state import ServerState
from retread.serving.listener import bind_listener
from retread.serving.runtime import Runtime
from retread.serving.traffic import LabelStore

BODY = json.dumps(rows((5.1, 3.5, 1.4, 0.2))).encode()
INFER = "/v2/models/iris/infer"


def request(
    path: str = INFER,
    body: bytes = BODY,
    *lines: str,
    method: str = "POST",
    host: str | None = "localhost",
    kind: str | None = "application/json",
) -> bytes:
    """Return the bytes of a request."""
    head = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else []), *lines]
    head += [f"Content-Type: {kind}"] if kind else []
    head += [f"Content-Length: {len(body)}"] if method == "POST" else []
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body


@dataclass
class InProcessServer:
    """A running server, and what it shares between its connections."""

    address: tuple[str, int]
    state: ServerState

    @property
    def plane(self) -> DataPlane:
        return self.state.plane

    @contextmanager
    def connected(self, timeout_s: float = 20.0) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=timeout_s) as connection:
            yield connection

    def exchange(self, content: bytes, *, half_closes: bool = False) -> bytes:
        """Send bytes, and return what comes until the server closes the connection."""
        with self.connected() as connection:
            connection.sendall(content)
            if half_closes:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65_536):
                received += part
        return received

    def check_idle(self) -> None:
        """Check that no budget is held any more."""
        until(lambda: self._held() == (0, 0, 0), f"nothing is held: {self._held()}", 10.0)

    def _held(self) -> tuple[int, int, int]:
        return self.plane.pending, self.plane.held_rows, self.state.bodies.held


@contextmanager
def serving(
    folder: Path,
    labels: LabelStore,
    settings: ServingSection | None = None,
    *,
    max_body: int = 1_000_000,
    **runtimes: Runtime,
) -> Iterator[InProcessServer]:
    """Serve models by slot in a thread until the end of the block."""
    listener = bind_listener("127.0.0.1", 0, shared=False)
    listener.listen(512)
    ready = threading.Event()
    with PlaneFactory(folder).plane(settings or ServingSection(), **runtimes) as plane:
        state = ServerState(plane, "iris", max_body=max_body)
        endpoints = InferenceEndpoints(state, labels, "1"), MlflowEndpoints(state, "1")
        app = build_app([route for some in endpoints for route in some.routes()], state.ids)
        server = HttpServer(state, app, on_ready=ready.set)
        thread = threading.Thread(target=lambda: uvloop.run(run(server, listener)), daemon=True)
        thread.start()
        assert ready.wait(20)
        try:
            yield InProcessServer(listener.getsockname()[:2], state)
        finally:
            state.draining = True
            thread.join(20)
            assert not thread.is_alive()


async def run(server: HttpServer, listener: socket.socket) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
    await server._serve([listener])
