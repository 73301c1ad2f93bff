"""The ASGI application: the Open Inference Protocol V2, feedback and metrics.

The docstring of an endpoint is its entry in the reference of the HTTP routes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import Any, ClassVar, NamedTuple

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from retread.core import NotFound, Unavailable
from retread.serving.http.error_responses import (
    ErrorBody,
    error_body,
    error_handlers,
    text_error_body,
    unsupported_type,
)
from retread.serving.http.feedback_body import Feedback, read_feedback
from retread.serving.http.infer_request import (
    AwaitedReply,
    InferRequest,
    asgi_response,
    body_of,
)
from retread.serving.http.server_state import ServerState
from retread.serving.metrics import ServingCollector
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.request_id import RequestIds, is_caller_id
from retread.serving.slots import SlotEntry
from retread.serving.traffic import LabelStore

_HINTS = {
    404: "GET /v2 describes this server; POST /v2/models/NAME/infer asks for a prediction.",
    405: "See the Allow header.",
}

_RECORDED_WITHIN_S = 0.3
_RECORDED_CHECKS = 3
_OWN_ROUTES = ("/feedback", "/metrics")
"""Routes that are not those of another protocol: their errors are objects."""

_encode = msgspec.json.Encoder().encode


def _model_paths(action: str) -> tuple[str, str]:
    return f"/v2/models/{{model}}{action}", f"/v2/models/{{model}}/versions/{{version}}{action}"


class RouteSpec(NamedTuple):
    """One entry of a route table: a method, the paths that mean the same, and the endpoint."""

    method: str
    paths: tuple[str, ...]
    endpoint: Callable[[Any, Request], Awaitable[Response]]


class Endpoints:
    """Endpoints that belong together; a subclass has a table of their routes."""

    TABLE: ClassVar[tuple[RouteSpec, ...]]

    def routes(self) -> list[BaseRoute]:
        """Return the routes to this object's endpoints."""
        return [
            Route(path, MethodType(spec.endpoint, self), methods=[spec.method])
            for spec in self.TABLE
            for path in spec.paths
        ]


class InferenceEndpoints(Endpoints):
    """The endpoints of the Open Inference Protocol V2, and feedback."""

    def __init__(
        self,
        state: ServerState,
        labels: LabelStore,
        version: str,
        now: Callable[[], float] = time.time,
        answered: AnsweredIds | None = None,
    ) -> None:
        """Prepare the endpoints.

        Args:
            state: What the connections share.
            labels: Where feedback goes.
            version: The version of Retread.
            now: The wall clock.
            answered: Looks up whether a request was answered; None if answers are not recorded.
        """
        self._state = state
        self._labels = labels
        self._version = version
        self._now = now
        self._answered = answered

    async def server(self, _: Request) -> Response:
        """Return the server's name and version, and the protocol extensions it supports (none)."""
        return json_response({"name": "retread", "version": self._version, "extensions": []})

    async def live(self, _: Request) -> Response:
        """Return `{"live": true}` while the process runs."""
        return json_response({"live": True})

    async def ready(self, _: Request) -> Response:
        """Return `{"ready": true}` if a model is in production; 503 otherwise, and at shutdown."""
        if not self._state.is_ready:
            raise self._not_ready()
        return json_response({"ready": True})

    async def model(self, request: Request) -> Response:
        """Return the model's inputs and outputs, its labels, its bundle and the served versions.

        `rules` says how the values of each column are read, in the order of the training data.

        Without a version in the path, this is the version in production.
        """
        return json_response(self._metadata(self._entry(request)))

    async def model_ready(self, request: Request) -> Response:
        """Return the version that is ready; 404 if it is not served, 503 without one."""
        entry = self._entry(request)
        if self._state.draining:
            raise self._not_ready()
        return json_response(
            {"name": self._state.model, "version": str(entry.version), "ready": True}
        )

    async def infer(self, request: Request) -> Response:
        """Return the model's outputs for the rows or images of the request.

        The body is a V2 request (`application/json`, or no Content-Type): `features` and
        `categories`, or one tensor per column, for a table; `image`, as UINT8 pixels or as base64
        files of datatype BYTES, for images. An image file may also be the body itself, as
        `image/jpeg`, `image/png`, `image/webp` or `image/bmp`. `outputs` selects
        among the probabilities or the value, the label, and the embedding.

        The values of a column are read by the rules of the training data and may have any
        datatype: numbers, text in `BYTES`, truth values in `BOOL`, and `null` for a missing value.
        Where rows have categories that the model did not see in training, the response's
        parameter `unknown` lists their columns, row by row.

        Request headers: `X-Request-Id`; `X-Retread-Key`, which keeps a customer with one model
        during a canary; `X-Retread-Slot: staging` for the version in staging. A version in the
        path selects that version, whichever slot it is in.

        Response headers: `X-Request-Id`, `X-Retread-Slot`, `X-Retread-Version`.
        """
        self._check_model(request)
        reply = AwaitedReply()
        call = InferRequest(reply, self._state)
        call.requested_version = _version(request)
        for name, value in request.headers.raw:
            call.read_header(name, value)
        async with body_of(request, self._state.bodies, decodes=False) as body:
            call.receive_body(body)
            await reply.wait(request)
        return asgi_response(call)

    async def feedback(self, request: Request) -> Response:
        """Record the true labels of one or more predictions: all of them, or none.

        The body is `{"id": REQUEST_ID, "label": LABEL}`, or a list of these. A later label of the
        same request replaces the earlier. Labels are read by the rules of the training data.

        The response has `accepted`, the number of labels; `waiting`, the ids that no answer was
        seen for yet, whose labels are kept until one is; and `unknown_labels`, which the model
        cannot predict: they count as errors of the model.
        """
        self._check_model(request)
        check_is_json(request)
        async with body_of(request, self._state.bodies) as body:
            found = await self._state.plane.readers.run(partial(self._read_feedback, body))
            await asyncio.to_thread(self._labels.put, found.pairs, self._now())
        waiting = await self._waiting(dict.fromkeys(request_id for request_id, _ in found.pairs))
        metrics = self._state.plane.metrics
        metrics.labels += len(found.pairs)
        metrics.labels_waiting += len(waiting)
        unknown = set(found.unknown_labels)
        metrics.labels_unknown += sum(label in unknown for _, label in found.pairs)
        return json_response(
            {
                "accepted": len(found.pairs),
                "waiting": waiting,
                "unknown_labels": found.unknown_labels,
            }
        )

    TABLE = (
        RouteSpec("GET", ("/v2",), server),
        RouteSpec("GET", ("/v2/health/live",), live),
        RouteSpec("GET", ("/v2/health/ready",), ready),
        RouteSpec("GET", _model_paths(""), model),
        RouteSpec("GET", _model_paths("/ready"), model_ready),
        RouteSpec("POST", _model_paths("/infer"), infer),
        RouteSpec("POST", _model_paths("/feedback"), feedback),
    )

    def _not_ready(self) -> Unavailable:
        why = "It is shutting down." if self._state.draining else "No model is in production yet."
        return Unavailable("The server is not ready.", why)

    def _check_model(self, request: Request) -> None:
        name = request.path_params["model"]
        if name != self._state.model:
            raise NotFound(
                f"There is no model {name[:80]!r} here.", f"Its name is {self._state.model!r}."
            )

    def _entry(self, request: Request) -> SlotEntry:
        self._check_model(request)
        return self._state.plane.slots.table.route("", version=_version(request))

    def _metadata(self, entry: SlotEntry) -> dict[str, Any]:
        runtime = entry.runtime
        inputs = [
            {"name": s.name, "datatype": s.datatype, "shape": list(s.shape)}
            | ({"parameters": {"columns": list(s.columns)}} if s.columns else {})
            for s in runtime.signature.inputs
        ]
        shapes = {s.name: (s.datatype, list(s.shape)) for s in runtime.signature.outputs}
        outputs = []
        for name in self._state.templates.template(entry).outputs:
            datatype, shape = shapes.get(name, ("BYTES", [-1]))
            outputs.append({"name": name, "datatype": datatype, "shape": shape})
        served = sorted({e.version for e in self._state.plane.slots.table.entries})
        image = runtime.manifest.image
        return {
            "name": self._state.model,
            "versions": [str(number) for number in served],
            "platform": "onnxruntime_onnx",
            "inputs": inputs,
            "outputs": outputs,
            "parameters": {
                "version": str(entry.version),
                "slot": entry.slot,
                "bundle": runtime.bundle,
                "labels": list(runtime.labels),
                "rules": msgspec.to_builtins(runtime.rules),
                "label_rules": msgspec.to_builtins(runtime.manifest.label_rules),
                "image_size": image.size if image else None,
            },
        }

    def _read_feedback(self, body: bytes) -> Feedback:
        entry = self._state.plane.slots.table.production
        reader = None if entry is None else entry.runtime.label_reader
        return read_feedback(body, reader, self._state.plane.max_rows)

    async def _waiting(self, ids: Collection[str]) -> list[str]:
        """Return the ids that no answer was seen for."""
        if self._answered is None:
            return []
        seen = await asyncio.to_thread(self._answered.of, ids)
        if len(seen) < len(ids):
            seen = await asyncio.to_thread(self._answered.of, ids, flush=True)
        # What another process answered is in the log only moments later.
        for _ in range(_RECORDED_CHECKS):
            if len(seen) == len(ids):
                break
            await asyncio.sleep(_RECORDED_WITHIN_S / _RECORDED_CHECKS)
            seen = await asyncio.to_thread(self._answered.of, ids)
        return [request_id for request_id in ids if request_id not in seen]


class MetricsEndpoints(Endpoints):
    """The endpoint that Prometheus scrapes."""

    def __init__(self, collector: ServingCollector) -> None:
        self._collector = collector

    async def metrics(self, _: Request) -> Response:
        """Return this worker's metrics in Prometheus's text format.

        With several workers each scrape reaches one of them, which the label `worker` names.
        """
        headers = {"content-type": CONTENT_TYPE_PLAIN_0_0_4}
        return Response(self._collector.exposition(), headers=headers)

    TABLE = (RouteSpec("GET", ("/metrics",), metrics),)


def build_app(routes: Sequence[BaseRoute], ids: RequestIds) -> Starlette:
    """Build the ASGI application.

    Args:
        routes: Its routes.
        ids: Makes the request id of an error, if the client sent none.
    """

    def headers_of(request: Request) -> Mapping[str, str]:
        given = request.headers.get("x-request-id", "")
        return {"x-request-id": given if is_caller_id(given) else ids.new()}

    def body_for(request: Request) -> ErrorBody:
        return error_body if request.url.path.endswith(_OWN_ROUTES) else text_error_body

    handlers = error_handlers(headers_of, _HINTS, body_for)
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def check_is_json(request: Request) -> None:
    """Check that a request says that its body is JSON, which a page of another site cannot.

    Raises:
        HttpRefusal: Its Content-Type is another, or missing.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise unsupported_type(kind, "application/json")


def json_response(value: Any) -> Response:
    """Return `value` as a JSON response."""
    return Response(_encode(value), media_type="application/json")


def _version(request: Request) -> int | None:
    text = request.path_params.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 10):
        raise NotFound(f"There is no version {text[:80]!r}.", "Versions are numbers from 1.")
    return int(text)
