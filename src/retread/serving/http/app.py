"""The ASGI application: every route but the hot one, and the one shape of errors."""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from retread.core import RetreadError
from retread.serving.http.problems import RETRY_AFTER_S, HttpRefusal, problem_body, status_of

_HINTS = {
    404: "GET /v2 says what this is; POST /v2/models/NAME/infer asks for a prediction.",
    405: "See the Allow header.",
}


def build_app(routes: list[BaseRoute]) -> Starlette:
    app = Starlette(
        routes=routes,
        exception_handlers={
            RetreadError: _refused,
            HTTPException: _http_error,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return app


async def _refused(_: Request, error: Exception) -> Response:
    known = error if isinstance(error, RetreadError) else RetreadError(str(error))
    headers = {"retry-after": str(RETRY_AFTER_S)} if status_of(known) == 503 else {}
    return Response(problem_body(known), status_of(known), headers, media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    message = f"{status.phrase}: {request.method} {request.url.path[:200]}."
    refusal = HttpRefusal(status, message, _HINTS.get(status, ""))
    headers = dict(getattr(error, "headers", None) or {})
    return Response(problem_body(refusal), status, headers, media_type="application/json")


async def _failed(request: Request, _: Exception) -> Response:
    failure = RetreadError("The server failed at this request.", "Its log says why.")
    return await _refused(request, failure)
