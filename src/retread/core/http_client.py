"""A small HTTP client on the standard library.

A general client costs more than a short request to a model does: this one adds almost nothing to
`http.client`, keeps its connection, follows no redirect and never logs an address.
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from retread.core.errors import InvalidInput, Unavailable

_PORTS = {"http": 80, "https": 443}
_CLOSED_BY_SERVER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class RequestNotSent(Unavailable):
    """The request did not leave as a whole: the server cannot have acted on it.

    `reason` names the kind of failure, without addresses.
    """

    def __init__(self, server: str, error: Exception) -> None:
        self.reason = type(error).__name__
        super().__init__(f"The server at {server} cannot be reached: {error}.")


class NoResponse(Unavailable):
    """The request left and no complete response came: the server may have acted on it.

    `reason` names the kind of failure, without addresses.
    """

    def __init__(self, server: str, error: Exception) -> None:
        self.reason = type(error).__name__
        super().__init__(f"The server at {server} did not respond: {error or self.reason}.")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response of any status; `body` is empty if it was not read."""

    status: int
    headers: Message
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json_object(self) -> dict[str, Any] | None:
        """Return the body as a JSON object; None if it is anything else."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError:
            return None


class HttpClient:
    """Sends requests to one server, one after another, over one kept connection.

    It is not safe for use by several threads at once.
    """

    def __init__(self, address: str, timeout_s: float, *, use_proxies: bool = False) -> None:
        """Prepare a client; nothing is sent.

        Args:
            address: The server, like `http://127.0.0.1:5001`. A path in it is ignored.
            timeout_s: Longest time without any progress, for connecting and for each read.
            use_proxies: Whether to honour the proxies of the environment (http_proxy and so on).

        Raises:
            InvalidInput: `address` is not an HTTP address. It is not repeated in the message, as
                it may hold a secret.
        """
        server = parse_http_address(address)
        self.server = f"{server.scheme}://{server.netloc.rpartition('@')[2]}"
        self._prefix = ""
        self._headers: dict[str, str] = {}
        self._connection = self._connect(server, timeout_s, use_proxies)

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request opens a new one."""
        self._connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        read_body: bool = True,
    ) -> HttpResponse:
        """Send a request and return the response, whatever its status.

        On a kept connection that the server has closed in the meantime, the request is sent once
        more on a new connection. A request that opens a connection is never sent twice.

        Args:
            method: `GET`, `POST` or another method.
            path: Path with query, starting with `/`.
            body: Bytes to send.
            headers: Header fields; Host and Content-Length are added.
            read_body: Whether to read the response's body. Without it, the connection is closed
                once the status has arrived.

        Raises:
            RequestNotSent: The request did not leave as a whole.
            NoResponse: The request left and no complete response came.
        """
        sent = {**self._headers, **(headers or {})}
        was_open = self._connection.sock is not None
        try:
            response = self._exchange(method, path, body, sent)
        except Unavailable as error:
            self.close()
            if not was_open or not isinstance(error.__cause__, _CLOSED_BY_SERVER):
                raise
            response = self._exchange(method, path, body, sent)
        return self._received(response, read_body=read_body)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        try:
            self._connection.request(method, self._prefix + path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise RequestNotSent(self.server, error) from error
        try:
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoResponse(self.server, error) from error

    def _received(self, response: http.client.HTTPResponse, *, read_body: bool) -> HttpResponse:
        if not read_body:
            response.close()
            self.close()
            return HttpResponse(response.status, response.headers, b"")
        try:
            return HttpResponse(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoResponse(self.server, error) from error

    def _connect(
        self, server: SplitResult, timeout_s: float, use_proxies: bool
    ) -> http.client.HTTPConnection:
        host, port = server.hostname or "", server.port or _PORTS[server.scheme]
        secure = server.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        proxy = _proxy_of(server) if use_proxies else None
        if proxy is None:
            return kind(host, port, timeout=timeout_s)
        connection = kind(proxy.hostname or "", proxy.port or 80, timeout=timeout_s)
        if secure:
            connection.set_tunnel(host, port, _proxy_headers(proxy))
        else:
            # A proxy is sent whole addresses instead of paths.
            self._prefix, self._headers = self.server, _proxy_headers(proxy)
        return connection


def parse_http_address(address: str) -> SplitResult:
    """Return the parts of an HTTP address.

    Raises:
        InvalidInput: `address` is not an HTTP address. It is not repeated in the message.
    """
    try:
        parts = urlsplit(address)
        valid = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not address.isprintable() or " " in address:
        raise InvalidInput(
            "The address is not a valid HTTP address.", "Write it as http://host:port."
        )
    return parts


def _proxy_of(server: SplitResult) -> SplitResult | None:
    address = getproxies().get(server.scheme, "")
    if not address or proxy_bypass(server.netloc.rpartition("@")[2]):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
