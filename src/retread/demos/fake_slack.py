"""A local web server that accepts what a Slack incoming webhook accepts, and keeps it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

_MAX_BYTES = 1_000_000


class FakeSlack:
    """Listens on a free loopback port inside a `with` block; `headlines` are the messages."""

    def __init__(self) -> None:
        self._headlines: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._headlines))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def address(self) -> str:
        """The URL of the webhook."""
        return f"http://127.0.0.1:{self._server.server_port}/services/T0/B0/demo"

    @property
    def headlines(self) -> tuple[str, ...]:
        """The texts of the messages received so far."""
        return tuple(self._headlines)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def headline(content_type: str, body: bytes) -> str:
    """Return the text of a message, as Slack shows it.

    Raises:
        ValueError: Slack would refuse the message; the error is Slack's.

    >>> headline("application/json", b'{"text": ":x: tires &amp; more"}')
    'tires & more'
    """
    if content_type.partition(";")[0].strip() != "application/json":
        raise ValueError("invalid_payload")
    try:
        message: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise ValueError("invalid_payload") from None
    text = message.get("text") if isinstance(message, dict) else None
    if not isinstance(text, str) or not text:
        raise ValueError("no_text")
    if text.startswith(":"):
        text = text.partition(": ")[2]
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _handler(headlines: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = min(int(self.headers.get("Content-Length", "0")), _MAX_BYTES)
            try:
                text = headline(self.headers.get("Content-Type", ""), self.rfile.read(size))
            except ValueError as error:
                self._respond(400, str(error))
            else:
                headlines.append(text)
                self._respond(200, "ok")

        def _respond(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
            del format, args

    return Handler
