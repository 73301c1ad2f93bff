"""The uvicorn server around the data plane: it drains at shutdown and closes idle connections."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from retread.serving.http.protocol import InferenceProtocol
from retread.serving.http.server_state import ServerState
from retread.serving.listener import stop_accepting

DRAIN_S = 0.6
"""How long responses say `Connection: close` before the socket closes."""

ACCEPT_S = 0.3
"""For how much of that time new connections are accepted; those that wait then are answered."""

_TICKS_PER_SECOND = 10


class HttpServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then drains without losing a request."""

    def __init__(
        self,
        state: ServerState,
        app: Starlette,
        *,
        on_ready: Callable[[], None],
        plain_asgi: bool = False,
    ) -> None:
        """Prepare the server.

        Args:
            state: What the connections share.
            app: The ASGI application.
            on_ready: Called once requests can be answered.
            plain_asgi: Use uvicorn's own protocol, so that `infer` goes through ASGI as well. For
                benchmarks only: it does not close slow or idle connections.
        """
        protocol = partial(InferenceProtocol, state=state)
        config = uvicorn.Config(
            app,
            http="httptools" if plain_asgi else cast("type[asyncio.Protocol]", protocol),
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=30,
            timeout_keep_alive=75,
        )
        super().__init__(config)
        self._state = state
        self._on_ready = on_ready
        self._plain_asgi = plain_asgi
        self._drain_since: float | None = None
        self._listener: socket.socket | None = None

    def serve_on(self, listener: socket.socket) -> None:
        """Serve on a bound socket, and return when the server is drained."""
        self._listener = listener
        self.run(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What exists now is there to stay: each collection would take milliseconds to visit it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        ends = await super().on_tick(counter)
        state = self._state
        state.ids.tick()
        now = state.time = time.monotonic()
        for connection in list(state.half_closed):
            connection.check_client(now)
        if counter % _TICKS_PER_SECOND == 0:
            state.date = dict(self.server_state.default_headers)[b"date"]
            self._check_connections(now)
        if not state.draining:
            return ends
        if self._drain_since is None:
            self._drain_since = now
        if self._listener is not None and now - self._drain_since >= ACCEPT_S:
            stop_accepting(self._listener)
        return now - self._drain_since >= DRAIN_S

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again when it is done: the exit code would not be 0.
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._drain) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drain(self, _: int, __: FrameType | None) -> None:
        self._state.draining = True

    def _check_connections(self, now: float) -> None:
        if self._plain_asgi:
            return
        connections: Any = self.server_state.connections
        for connection in list(connections):
            connection.check_age(now)
