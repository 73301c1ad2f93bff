"""One kept connection to a server that speaks JSON.

The standard library's client: half of the time of a short request would be another's own.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import msgspec

from retread.core import InvalidInput, NotFound, RetreadError, Unavailable

_ERRORS: dict[int, type[RetreadError]] = {404: NotFound, 503: Unavailable}
_NO_JSON: dict[str, Any] = {}


class JsonConnection:
    """Sends requests to `address`, like `http://127.0.0.1:5001`, one after another."""

    def __init__(self, address: str, timeout_s: float) -> None:
        place = urlsplit(address)
        self._address = address
        self._connection = http.client.HTTPConnection(
            place.hostname or "", place.port, timeout=timeout_s
        )

    def close(self) -> None:
        self._connection.close()

    def send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[dict[str, Any], Message]:
        """The answer's body and headers; a refusal is NotFound, InvalidInput or Unavailable."""
        try:
            response = self._exchange(method, path, content, headers)
            body = _decoded(response.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unavailable(
                f"The server at {self._address} does not answer: {error}.",
                "Start it with: retread up",
            ) from error
        if 200 <= response.status < 300 and body is not _NO_JSON:
            return body, response.headers
        problem = body.get("error")
        if not isinstance(problem, dict):
            raise Unavailable(
                f"What answers at {self._address} is not Retread: HTTP {response.status}.",
                "Check [serving] port, and what listens there.",
            )
        raise _ERRORS.get(response.status, InvalidInput)(problem["message"], problem["hint"])

    def _exchange(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        was_open = self._connection.sock is not None
        try:
            self._connection.request(method, path, content, dict(headers))
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            if not was_open:
                raise
        # The server closes connections on which nothing was said for a while.
        self._connection.request(method, path, content, dict(headers))
        return self._connection.getresponse()


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return _NO_JSON
