"""Routes of the control API."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from retread.app.control.answers import document, from_anything, from_http, from_retread
from retread.app.control.guard import Guard
from retread.app.control.page import Links, status_page
from retread.app.overview import (
    LedgerView,
    Overview,
    UnsettledMessage,
    alarms_in,
    overview,
    retrainings_in,
)
from retread.app.overview.overview import happenings
from retread.bundle import CauseKind
from retread.core import Clock, InvalidInput, RetreadError
from retread.serving.http.error_responses import HttpRefusal

STATIC = Path(__file__).parent / "static"
_HISTORY_DEFAULT = 100


class TriggerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What POST /api/triggers takes; `commit` reads its model from the message."""

    kind: CauseKind = CauseKind.MANUAL
    message: str = ""


Ask = Callable[[CauseKind, str], object]
"""Asks the arbiter for a retraining; what it decided, as a value that JSON can hold."""

Messages = Callable[[], tuple[UnsettledMessage, ...]]
"""Those that people may not have got."""


class Control:
    """What the routes answer from."""

    def __init__(
        self,
        model: str,
        view: LedgerView,
        messages: Messages,
        ask: Ask,
        links: Links,
        clock: Clock,
    ) -> None:
        self._model = model
        self._view = view
        self._messages = messages
        self._ask = ask
        self._links = links
        self._clock = clock

    def health(self, _: Request) -> Response:
        return document({"ready": True})

    def status(self, _: Request) -> Response:
        return document(self._overview())

    def page(self, _: Request) -> Response:
        return HTMLResponse(status_page(self._overview(), self._links, self._clock.now()))

    def versions(self, _: Request) -> Response:
        state = self._view.look()[1]
        return document({"versions": list(reversed(state.versions.values()))})

    def history(self, request: Request) -> Response:
        entries = self._view.look()[0]
        return document({"history": happenings(entries[-_limit(request) :])})

    def alarms(self, request: Request) -> Response:
        entries = self._view.look()[0]
        return document({"alarms": alarms_in(entries)[: _limit(request)]})

    def triggers(self, request: Request) -> Response:
        entries = self._view.look()[0]
        return document({"triggers": retrainings_in(entries)[: _limit(request)]})

    async def trigger(self, request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise HttpRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
        try:
            body = msgspec.json.decode(await request.body(), type=TriggerBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"The body is not a trigger: {error}.", 'Send for example {"kind": "manual"}.'
            ) from error
        answer = await run_in_threadpool(self._ask, body.kind, body.message)
        return document(answer, status=202)

    def _overview(self) -> Overview:
        return overview(self._model, *self._view.look(), self._messages())


def control_app(control: Control) -> Starlette:
    """The ASGI application."""
    routes = [
        Route("/", control.page),
        Route("/style.css", _style),
        Route("/api/health", control.health),
        Route("/api/status", control.status),
        Route("/api/versions", control.versions),
        Route("/api/history", control.history),
        Route("/api/alarms", control.alarms),
        Route("/api/triggers", control.triggers, methods=["GET"]),
        Route("/api/triggers", control.trigger, methods=["POST"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard)],
        exception_handlers={
            RetreadError: from_retread,
            HTTPException: from_http,
            Exception: from_anything,
        },
    )


def _style(_: Request) -> Response:
    return FileResponse(STATIC / "style.css", media_type="text/css")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_HISTORY_DEFAULT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 10_000):
        raise InvalidInput(f"limit is {text!r}.", "Use a number from 1 to 10000.")
    return int(text)
