"""uvicorn around the data plane: tells the time, drains, closes what is idle."""

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

from retread.serving.http.deaf import go_deaf
from retread.serving.http.front import Front
from retread.serving.http.protocol import InferenceProtocol

DRAIN_S = 0.6
"""How long answers say `Connection: close` before the socket closes."""

DEAF_S = 0.3
"""After this part of it, no new connection begins; those that have begun are still answered."""

_TICKS_A_SECOND = 10


class HttpServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT: not ready, drain, end, no request lost."""

    def __init__(self, front: Front, app: Starlette, *, on_ready: Callable[[], None]) -> None:
        protocol = partial(InferenceProtocol, front=front, now=time.monotonic)
        config = uvicorn.Config(
            app,
            http=cast("type[asyncio.Protocol]", protocol),
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
        self._front = front
        self._on_ready = on_ready
        self._drain_since = 0.0
        self._listener: socket.socket | None = None

    def serve_on(self, listener: socket.socket) -> None:
        """Serve on a bound socket; returns when drained."""
        self._listener = listener
        self.run(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was made so far stays; looking at it again and again would cost milliseconds.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        ends = await super().on_tick(counter)
        front = self._front
        front.ids.tick()
        if counter % _TICKS_A_SECOND == 0:
            front.date = dict(self.server_state.default_headers)[b"date"]
            self._check_connections()
        if front.draining:
            now = time.monotonic()
            self._drain_since = self._drain_since or now
            if self._listener is not None and now - self._drain_since >= DEAF_S:
                go_deaf(self._listener)
            return now - self._drain_since >= DRAIN_S
        return ends

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again when it is done, and the exit code would not be 0.
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._drain) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drain(self, _: int, __: FrameType | None) -> None:
        self._front.draining = True

    def _check_connections(self) -> None:
        now = time.monotonic()
        connections: Any = self.server_state.connections
        for connection in list(connections):
            connection.check_age(now)
