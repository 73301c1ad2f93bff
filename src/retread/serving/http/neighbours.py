"""Routes for callers that come from MLflow's server: /invocations, /ping, /version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retread.core import InvalidInput, Unavailable
from retread.serving.call import Call
from retread.serving.http import strict_json
from retread.serving.http.answers import labels_of
from retread.serving.http.awaited import AwaitedExchange, body_of, response_of, take_headers
from retread.serving.http.front import Front
from retread.serving.http.problems import unknown_type
from retread.serving.http.routes import json_response
from retread.serving.rows import CATEGORIES, FEATURES, IMAGE
from retread.serving.tensor import Tensor

FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records")


def neighbour_routes(front: Front, version: str) -> list[Route]:
    """`version` is Retread's own."""

    async def invocations(request: Request) -> Response:
        exchange = AwaitedExchange(front)
        take_headers(exchange, request)
        if not exchange.is_json:
            raise unknown_type(request.headers["content-type"], "application/json")
        exchange.id = exchange.id or front.ids.new()
        async with body_of(request, front) as body:
            front.plane.submit_after(exchange, lambda: _read(exchange, body))
            await exchange.answered()
        response = response_of(exchange)
        if exchange.error is None and exchange.outcome is not None:
            # The headers of an answer, and the body that such clients expect.
            said = json_response({"predictions": labels_of(exchange.outcome)})
            response.body = said.body
            response.headers["content-length"] = str(len(said.body))
        return response

    async def ping(_: Request) -> Response:
        if not front.is_ready:
            raise Unavailable("The server is not ready.", "No model is in production.")
        return Response(b"\n")

    async def show_version(_: Request) -> Response:
        return Response(version)

    return [
        Route("/invocations", invocations, methods=["POST"]),
        Route("/ping", ping, methods=["GET"]),
        Route("/version", show_version, methods=["GET"]),
    ]


def _read(call: Call, body: bytes) -> None:
    call.tensors = tensors_of(strict_json.parse(body))


def tensors_of(value: Any) -> dict[str, Tensor]:
    """V2 tensors of a body as MLflow's server takes it; InvalidInput.

    >>> sorted(tensors_of({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}))
    ['a']
    """
    forms = [form for form in FORMS if isinstance(value, dict) and form in value]
    if len(forms) != 1:
        raise InvalidInput("The body is not an invocation.", f"Send one of: {', '.join(FORMS)}.")
    content = value[forms[0]]
    if forms[0] == "dataframe_split":
        return _split(content)
    if isinstance(content, Mapping):
        return {str(name): _tensor(str(name), _listed(column)) for name, column in content.items()}
    rows = _listed(content)
    if rows and all(isinstance(row, Mapping) for row in rows):
        return _records(rows)
    name = FEATURES if _depth(rows) <= 2 else IMAGE
    return {name: _tensor(name, rows)}


def _split(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not {"columns", "data"} <= set(content):
        raise InvalidInput("dataframe_split is incomplete.", "Send its columns and its data.")
    columns, rows = _listed(content["columns"]), _listed(content["data"])
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise InvalidInput(
            "dataframe_split has rows of another length.", f"Each has {len(columns)} values."
        )
    names = [str(column) for column in columns]
    return {name: _tensor(name, [row[index] for row in rows]) for index, name in enumerate(names)}


def _records(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    names = list(rows[0])
    if any(list(row) != names for row in rows):
        raise InvalidInput("The records have different keys.", f"Each has: {', '.join(names)}.")
    return {name: _tensor(name, [row[name] for row in rows]) for name in names}


def _listed(value: Any) -> list[Any]:
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
