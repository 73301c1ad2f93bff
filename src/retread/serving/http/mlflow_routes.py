"""MLflow's scoring routes, for its clients: /invocations, /ping and /version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retread.core import InvalidInput, Unavailable
from retread.serving.http import strict_json
from retread.serving.http.infer_request import (
    AwaitedReply,
    InferRequest,
    asgi_response,
    body_of,
)
from retread.serving.http.responses import predictions_of
from retread.serving.http.routes import Endpoints, RouteSpec, check_is_json, json_response
from retread.serving.http.server_state import ServerState
from retread.serving.rows import CATEGORIES, FEATURES, IMAGE
from retread.serving.tensors import Tensor

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")


class MlflowEndpoints(Endpoints):
    """The endpoints of `mlflow models serve`."""

    def __init__(self, state: ServerState, version: str) -> None:
        """Prepare the endpoints; `version` is that of Retread."""
        self._state = state
        self._version = version

    async def invocations(self, request: Request) -> Response:
        """Return `{"predictions": [...]}`: the label or the value of each row.

        The body has one of `inputs`, `instances`, `dataframe_split` and `dataframe_records`. The
        headers are those of `infer`.
        """
        check_is_json(request)
        reply = AwaitedReply()
        call = InferRequest(reply, self._state)
        for name, value in request.headers.raw:
            call.read_header(name, value)
        call.id = self._state.ids.new()

        async with body_of(request, self._state.bodies) as body:

            def read() -> None:
                call.tensors = tensors_of(strict_json.parse(body))

            self._state.plane.submit_unread(call, read)
            await reply.wait(request)
        if call.status != 200 or call.result is None:
            return asgi_response(call)
        predictions = {"predictions": predictions_of(call.entry, call.result)}
        return asgi_response(call, bytes(json_response(predictions).body))

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


def tensors_of(value: Any) -> dict[str, Tensor]:
    """Return the V2 tensors of a body in one of MLflow's forms.

    Raises:
        InvalidInput: The body is in none of these forms.

    >>> sorted(tensors_of({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}))
    ['a']
    """
    forms = [form for form in FORMS if isinstance(value, dict) and form in value]
    if len(forms) != 1:
        raise InvalidInput(
            "The body is not an MLflow scoring request.", f"Send one of: {', '.join(FORMS)}."
        )
    content = value[forms[0]]
    if forms[0] == "dataframe_split":
        return _split(content)
    if isinstance(content, Mapping):
        columns = {str(name): _checked_list(column) for name, column in content.items()}
        return {name: _tensor(name, column) for name, column in columns.items()}
    rows = _checked_list(content)
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _records(rows)
    name = FEATURES if _depth(rows) <= 2 else IMAGE
    return {name: _tensor(name, rows)}


def _split(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not {"columns", "data"} <= set(content):
        raise InvalidInput("dataframe_split is incomplete.", "Send its columns and its data.")
    columns, rows = _checked_list(content["columns"]), _checked_list(content["data"])
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise InvalidInput(
            "dataframe_split has rows of another length.", f"Each must have {len(columns)} values."
        )
    names = [str(column) for column in columns]
    return {name: _tensor(name, [row[index] for row in rows]) for index, name in enumerate(names)}


def _records(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    names = list(rows[0])
    if any(row.keys() != rows[0].keys() for row in rows):
        raise InvalidInput(
            "The records have different keys.", f"Each must have: {', '.join(names)}."
        )
    return {name: _tensor(name, [row[name] for row in rows]) for name in names}


def _checked_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput("A list was expected.", f"Send one of: {', '.join(FORMS)}.")
    return value


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list) and value:
        depth += 1
        value = value[0]
    return depth


def _tensor(name: str, data: list[Any]) -> Tensor:
    shape: list[int] = []
    level: Any = data
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    is_text = isinstance(level, str) or name == CATEGORIES
    return Tensor(name, "BYTES" if is_text else "FP32", tuple(shape), data)
