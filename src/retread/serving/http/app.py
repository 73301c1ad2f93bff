"""The ASGI application: every route but the hot one, and the one shape of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from retread.core import RetreadError
from retread.serving.http.problems import RETRY_AFTER_S, HttpRefusal, problem_body, status_of
from retread.serving.request_id import RequestIds, is_safe

_HINTS = {
    404: "GET /v2 says what this is; POST /v2/models/NAME/infer asks for a prediction.",
    405: "See the Allow header.",
}


def build_app(routes: Sequence[BaseRoute], ids: RequestIds) -> Starlette:
    """`ids` makes a request id for an error, where the caller gave none."""

    def problem(
        request: Request, error: RetreadError, headers: Mapping[str, str] | None = None
    ) -> Response:
        given = request.headers.get("x-request-id", "")
        sent = {"x-request-id": given if is_safe(given) else ids.new(), **(headers or {})}
        if status_of(error) == 503:
            sent["retry-after"] = str(RETRY_AFTER_S)
        return Response(problem_body(error), status_of(error), sent, media_type="application/json")

    async def refused(request: Request, error: Exception) -> Response:
        return problem(
            request, error if isinstance(error, RetreadError) else RetreadError(str(error))
        )

    async def http_error(request: Request, error: Exception) -> Response:
        status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
        message = f"{status.phrase}: {request.method} {request.url.path[:200]}."
        refusal = HttpRefusal(status, message, _HINTS.get(status, ""))
        return problem(request, refusal, getattr(error, "headers", None))

    async def failed(request: Request, _: Exception) -> Response:
        failure = RetreadError("The server failed at this request.", "Its log says why.")
        return problem(request, failure)

    app = Starlette(
        routes=routes,
        exception_handlers={RetreadError: refused, HTTPException: http_error, Exception: failed},
    )
    app.router.redirect_slashes = False
    return app
