"""A gate in front of MLflow's server: this machine's own requests, to the routes that are needed.

MLflow's server has many more routes than the pages and the API of its experiments: a gateway to
language models, an assistant, jobs, webhooks. They are closed here, whatever MLflow's own settings
and later versions say.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from retread.serving.http.error_responses import HttpRefusal, error_response
from retread.serving.http.same_origin import (
    LOOPBACK_NAMES,
    is_allowed_host,
    is_followed_link,
    is_own_page,
)

_PAGES = r"/|/health|/version|/graphql|/(static-files|build)/.+|/(model-versions/)?get-artifact"
_STORE = "experiments|runs|metrics|artifacts|registered-models|model-versions|logged-models"
_API = (
    rf"/(ajax-)?api/2\.0/mlflow/({_STORE})(/.*)?"
    r"|/(ajax-)?api/2\.0/mlflow-artifacts/.+"
    r"|/(ajax-)?api/3\.0/mlflow/server-info"
)
_ALLOWED = re.compile(f"{_PAGES}|{_API}")
_REFUSED = re.compile(
    r".*/create-promptlab-run/?|.*/presigned(-|/).*"
    r"|.*(//|/\.\.?(/|$)|\\).*"  # other ways to write a path, which could mean another one
)


def is_needed(path: str) -> bool:
    """Return whether a route belongs to the pages or the API of experiments, runs and models.

    >>> is_needed("/api/2.0/mlflow/runs/search"), is_needed("/gateway/mlflow/v1/models")
    (True, False)
    """
    return _ALLOWED.fullmatch(path) is not None and _REFUSED.fullmatch(path) is None


class TrackingGate:
    """Returns 403 to requests of other hosts and pages, and 404 for routes that are not needed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is nothing to open a websocket to
            await send({"type": "websocket.close"})
            return
        refusal = _refusal_of(scope)
        answer = self._app if refusal is None else error_response(refusal)
        await answer(scope, receive, send)


def _refusal_of(scope: Scope) -> HttpRefusal | None:
    headers, path = Headers(scope=scope), str(scope["path"])
    hosts = headers.getlist("host")
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    opens_page = scope["method"] == "GET" and path == "/" and is_followed_link(headers)
    is_own = len(hosts) == 1 and is_own_page(hosts[0], origin, None if opens_page else site)
    if not is_own or not is_allowed_host(hosts[0], LOOPBACK_NAMES):
        return HttpRefusal(
            HTTPStatus.FORBIDDEN,
            "Requests from other sites or hosts are refused.",
            "Open the page by its loopback address.",
        )
    if not is_needed(path):
        return HttpRefusal(
            HTTPStatus.NOT_FOUND,
            f"Retread's tracking server does not offer {path[:200]}.",
            "It has the pages and the API of experiments, runs and models.",
        )
    return None
