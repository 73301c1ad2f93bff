"""MLflow's scoring routes, for its clients: /invocations, /ping and /version."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retread.core import Unavailable
from retread.serving.http.infer_request import (
    AwaitedReply,
    InferRequest,
    asgi_response,
    body_of,
)
from retread.serving.http.mlflow_body import read_body
from retread.serving.http.responses import predictions_of
from retread.serving.http.routes import Endpoints, RouteSpec, json_response
from retread.serving.http.server_state import ServerState


class MlflowEndpoints(Endpoints):
    """The endpoints of `mlflow models serve`."""

    def __init__(self, state: ServerState, version: str) -> None:
        """Prepare the endpoints; `version` is that of Retread."""
        self._state = state
        self._version = version

    async def invocations(self, request: Request) -> Response:
        """Return `{"predictions": [...]}`: the label or the value of each row.

        The body has one of `inputs`, `instances`, `dataframe_split` and `dataframe_records`, or is
        CSV with a header (`text/csv`). Columns that the model does not take are ignored. If a row
        has a category that the model does not know, `unknown` names the columns per row. The
        headers are those of `infer`.
        """
        reply = AwaitedReply()
        call = InferRequest(reply, self._state)
        for name, value in request.headers.raw:
            call.read_header(name, value)
        kind = request.headers.get("content-type", "")
        call.id = self._state.ids.new()

        async with body_of(request, self._state.bodies) as body:

            def read() -> None:
                call.tensors = read_body(body, kind)

            self._state.plane.submit_unread(call, read)
            await reply.wait(request)
        if call.status != 200 or call.result is None:
            return asgi_response(call)
        answer: dict[str, Any] = {"predictions": predictions_of(call.entry, call.result)}
        if call.rows is not None and call.rows.unknown:
            answer["unknown"] = call.rows.unknown
        return asgi_response(call, bytes(json_response(answer).body))

    async def ping(self, _: Request) -> Response:
        """Return 200 if a model is in production; 503 otherwise, and at shutdown."""
        if not self._state.is_ready:
            raise Unavailable("The server is not ready.", "No model is in production.")
        return Response(b"\n")

    async def show_version(self, _: Request) -> Response:
        """Return the version of Retread as text."""
        return Response(self._version)

    TABLE = (
        RouteSpec("POST", ("/invocations",), invocations),
        RouteSpec("GET", ("/ping",), ping),
        RouteSpec("GET", ("/version",), show_version),
    )
