"""What a request must be before any route sees it (threat T5).

A web page in the operator's browser can make it send requests here: by name (DNS rebinding), then
Host is not ours; or across origins, then Origin or Sec-Fetch-Site say so.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retread.app.control.answers import problem
from retread.serving.http.error_responses import HttpRefusal

MAX_BODY = 65_536
_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OWN_SITES = frozenset({"same-origin", "none"})

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Guard:
    """403 before routing for what this machine's user did not send; safe headers on all else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        headers = Headers(scope=scope)
        if not is_ours(headers, opens_page=scope["method"] == "GET" and scope["path"] == "/"):
            message = "This address answers only this machine's user."
            refusal = problem(HttpRefusal(HTTPStatus.FORBIDDEN, message))
            await refusal(scope, receive, send_safely)
        elif _is_too_large(headers):
            message = f"The body is over {MAX_BODY} bytes."
            refusal = problem(HttpRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message))
            await refusal(scope, receive, send_safely)
        else:
            await self._app(scope, receive, send_safely)


def is_ours(headers: Headers, *, opens_page: bool = False) -> bool:
    """Whether a request names this machine, and comes from no other site.

    A link of another site may open the page (Retread's own messages have such links), in a window
    of its own, where that site cannot read it.

    >>> is_ours(Headers({"host": "localhost:5002"}))
    True
    >>> is_ours(Headers({"host": "localhost:5002", "origin": "http://evil.example"}))
    False
    """
    host = headers.get("host", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not name:
        name, port = host, ""
    if name.lower() not in _HOSTS or not (port.isdigit() or port == ""):
        return False
    is_own = headers.get("sec-fetch-site", "none") in _OWN_SITES
    if not is_own and not (opens_page and _is_followed_link(headers)):
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
