"""Refuse requests that a web page of another site makes the user's browser send.

Such a page can reach this server by name (DNS rebinding), which shows in Host, or across origins,
which shows in Origin or Sec-Fetch-Site.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retread.serving.http.error_responses import HttpRefusal, error_response

MAX_BODY = 65_536
_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LINKED = frozenset({"/", "/mlflow"})
"""What notifications link to."""
_SAME_SITE = frozenset({"same-origin", "none"})

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class SameOriginMiddleware:
    """Returns 403 to requests of other origins, and adds security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        headers = Headers(scope=scope)
        if not is_same_origin(
            headers, opens_page=scope["method"] == "GET" and scope["path"] in _LINKED
        ):
            message = "Requests from other sites or hosts are refused."
            hint = "Open the page by its loopback address, or send no Origin header."
            refusal = error_response(HttpRefusal(HTTPStatus.FORBIDDEN, message, hint))
            await refusal(scope, receive, send_with_headers)
        elif _is_too_large(headers):
            message = f"The body is larger than {MAX_BODY:,} bytes."
            refusal = error_response(HttpRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message))
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def is_same_origin(headers: Headers, *, opens_page: bool = False) -> bool:
    """Return whether a request is addressed to this machine and does not come from another site.

    A link on another site may open the page, as the links in Retread's own notifications do: the
    page opens in a window of its own, which that site cannot read.

    Args:
        headers: The request's headers.
        opens_page: Whether it is a GET of the page itself.

    >>> is_same_origin(Headers({"host": "localhost:5002"}))
    True
    >>> is_same_origin(Headers({"host": "localhost:5002", "origin": "http://evil.example"}))
    False
    """
    host = headers.get("host", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = host, ""
    if name.lower() not in _HOSTS or not (port.isdigit() or port == ""):
        return False
    is_same_site = headers.get("sec-fetch-site", "none") in _SAME_SITE
    if not is_same_site and not (opens_page and _is_followed_link(headers)):
        return False
    origin = headers.get("origin")
    return origin is None or origin.lower() == f"http://{host}".lower()


def _is_followed_link(headers: Headers) -> bool:
    opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return opened == ("navigate", "document")


def _is_too_large(headers: Headers) -> bool:
    length = headers.get("content-length", "0")
    chunked = "transfer-encoding" in headers
    return chunked or not length.isdigit() or int(length) > MAX_BODY
