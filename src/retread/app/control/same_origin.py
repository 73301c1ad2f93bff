"""Refuse requests that a web page of another site makes the user's browser send.

Such a page can reach this server by name (DNS rebinding), which shows in Host, or across origins,
which shows in Origin or Sec-Fetch-Site.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retread.serving.http.error_responses import HttpRefusal, error_response
from retread.serving.http.same_origin import (
    LOOPBACK_NAMES,
    is_allowed_host,
    is_followed_link,
    is_own_page,
)

MAX_BODY = 65_536
_LINKED = frozenset({"/", "/mlflow"})
"""What notifications link to."""

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
    if not is_allowed_host(host, LOOPBACK_NAMES):
        return False
    site = headers.get("sec-fetch-site")
    is_link = opens_page and is_followed_link(headers)
    return is_own_page(host, headers.get("origin"), None if is_link else site)


def _is_too_large(headers: Headers) -> bool:
    length = headers.get("content-length", "0")
    chunked = "transfer-encoding" in headers
    return chunked or not length.isdigit() or int(length) > MAX_BODY
