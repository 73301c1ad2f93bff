"""Routes of the Open Inference Protocol V2, and feedback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from retread.core import InvalidInput, NotFound, Unavailable
from retread.serving.http import strict_json
from retread.serving.http.awaited import AwaitedExchange, body_of, response_of, take_headers
from retread.serving.http.front import Front
from retread.serving.request_id import checked_request_id
from retread.serving.slots import SlotEntry
from retread.serving.traffic import LabelStore

_encoder = msgspec.json.Encoder()


class _Feedback(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    label: str | float | int


def json_response(value: Any, status: int = 200) -> Response:
    return Response(_encoder.encode(value), status, media_type="application/json")


def protocol_routes(
    front: Front, labels: LabelStore, version: str, now: Callable[[], float] = time.time
) -> list[Route]:
    """`version` is Retread's own."""

    async def server(_: Request) -> Response:
        metadata = {"name": "retread", "version": version, "extensions": []}
        return json_response(metadata)

    async def live(_: Request) -> Response:
        return json_response({"live": True})

    async def ready(_: Request) -> Response:
        if not front.is_ready:
            raise Unavailable("The server is not ready.", _why_not(front))
        return json_response({"ready": True})

    async def model(request: Request) -> Response:
        return json_response(_metadata(front, _entry(front, request)))

    async def model_ready(request: Request) -> Response:
        entry = _entry(front, request)
        if front.draining:
            raise Unavailable("The server is not ready.", _why_not(front))
        return json_response({"name": front.model, "version": str(entry.version), "ready": True})

    async def infer(request: Request) -> Response:
        _check_model(front, request)
        exchange = AwaitedExchange(front)
        exchange.version = _version(request)
        take_headers(exchange, request)
        async with body_of(request, front) as body:
            exchange.start(body)
            await exchange.answered()
        return response_of(exchange)

    async def feedback(request: Request) -> Response:
        _check_model(front, request)
        async with body_of(request, front) as body:
            pairs = await front.plane.readers.result(partial(_feedback, front, body))
            await asyncio.to_thread(labels.put, pairs, now())
        return json_response({"accepted": len(pairs)})

    both = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    return [
        Route("/v2", server, methods=["GET"]),
        Route("/v2/health/live", live, methods=["GET"]),
        Route("/v2/health/ready", ready, methods=["GET"]),
        *(Route(path, model, methods=["GET"]) for path in both),
        *(Route(f"{path}/ready", model_ready, methods=["GET"]) for path in both),
        *(Route(f"{path}/infer", infer, methods=["POST"]) for path in both),
        *(Route(f"{path}/feedback", feedback, methods=["POST"]) for path in both),
    ]


def _why_not(front: Front) -> str:
    return "It is shutting down." if front.draining else "No model is in production yet."


def _check_model(front: Front, request: Request) -> None:
    name = request.path_params["model"]
    if name != front.model:
        raise NotFound(f"There is no model {name[:80]!r} here.", f"Its name is {front.model!r}.")


def _version(request: Request) -> int:
    text = request.path_params.get("version")
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 10):
        raise NotFound(f"There is no version {text[:80]!r}.", "Versions are numbers from 1 on.")
    return int(text)


def _entry(front: Front, request: Request) -> SlotEntry:
    _check_model(front, request)
    return front.plane.slots.table.answering("", None, _version(request))


def _metadata(front: Front, entry: SlotEntry) -> dict[str, Any]:
    runtime = entry.runtime
    tensors = {
        kind: [
            {"name": s.name, "datatype": s.datatype, "shape": list(s.shape)}
            | ({"parameters": {"columns": list(s.columns)}} if s.columns else {})
            for s in specs
        ]
        for kind, specs in (("inputs", runtime.signature.inputs),)
    }
    outputs = front.answers.template(entry).outputs
    shapes = {s.name: (s.datatype, list(s.shape)) for s in runtime.signature.outputs}
    described = [(name, *shapes.get(name, ("BYTES", [-1]))) for name in outputs]
    loaded = sorted({e.version for e in front.plane.slots.table.entries})
    return {
        "name": front.model,
        "versions": [str(number) for number in loaded],
        "platform": "onnxruntime_onnx",
        **tensors,
        "outputs": [{"name": n, "datatype": d, "shape": s} for n, d, s in described],
        "parameters": {
            "version": str(entry.version),
            "slot": entry.slot,
            "bundle": runtime.bundle,
            "labels": list(runtime.labels),
            "image_size": runtime.manifest.image.size if runtime.manifest.image else None,
        },
    }


def _feedback(front: Front, body: bytes) -> list[tuple[str, str]]:
    value = strict_json.parse(body)
    try:
        found = msgspec.convert(value, _Feedback | list[_Feedback])
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"The body is not feedback: {error}.",
            'Send {"id": REQUEST_ID, "label": LABEL} or a list of such.',
        ) from error
    given = found if isinstance(found, list) else [found]
    return [(checked_request_id(one.id), _label(front, one)) for one in given]


def _label(front: Front, given: _Feedback) -> str:
    entry = front.plane.slots.table.production
    labels = entry.runtime.labels if entry else ()
    text = str(given.label)
    if labels and text not in labels:
        raise InvalidInput(f"Unknown label {text[:80]!r}.", f"Use one of: {', '.join(labels)}.")
    if entry and not labels and not _is_number(text):
        raise InvalidInput(
            f"The label {text[:80]!r} is not a number.", "This model predicts a finite number."
        )
    return text


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
