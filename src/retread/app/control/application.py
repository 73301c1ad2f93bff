"""Routes of the control API and the status page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from http import HTTPStatus
from pathlib import Path

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from retread.app.control.metrics import exposition
from retread.app.control.page import Links, status_page
from retread.app.control.same_origin import SameOriginMiddleware
from retread.app.overview import (
    LedgerSnapshot,
    LedgerView,
    LiveState,
    Overview,
    UndeliveredMessage,
    alarms_in,
    history_of,
    overview,
    retrainings_in,
)
from retread.app.triggers import TriggerResponse
from retread.bundle import CauseKind
from retread.core import Clock, InvalidInput
from retread.serving.http.error_responses import HttpRefusal, error_handlers

STATIC = Path(__file__).parent / "static"
_DEFAULT_LIMIT = 100


class TriggerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /api/triggers; the kind `commit` reads its model type from the message."""

    kind: CauseKind = CauseKind.MANUAL
    message: str = ""


RequestRetraining = Callable[[CauseKind, str], TriggerResponse]
"""Requests a retraining from the arbiter; raises RetreadError if it is not accepted."""

Live = Callable[[LedgerSnapshot], LiveState]
"""Returns what stands now besides the ledger."""

Messages = Callable[[], tuple[UndeliveredMessage, ...]]
"""Returns the notifications that were not delivered."""


class Control:
    """Handlers of the routes.

    Args:
        model: Name of the project's model.
        view: The ledger.
        messages: Returns the undelivered notifications.
        live: Returns what stands now besides the ledger.
        request_retraining: Requests a retraining.
        links: Other pages to link to.
        experiment: Returns the path of the project's experiment in MLflow.
        zone: Time zone of the page's times; None for that of the machine.
        clock: Source of time.
    """

    def __init__(
        self,
        model: str,
        view: LedgerView,
        messages: Messages,
        live: Live,
        request_retraining: RequestRetraining,
        links: Links,
        clock: Clock,
        experiment: Callable[[], str] = str,
        zone: tzinfo | None = None,
    ) -> None:
        self._model = model
        self._view = view
        self._messages = messages
        self._live = live
        self._request_retraining = request_retraining
        self._links = links
        self._clock = clock
        self._experiment = experiment
        self._zone = zone

    def health(self, _: Request) -> Response:
        """GET /api/health: the supervisor's probe."""
        return _json({"ready": True})

    def status(self, _: Request) -> Response:
        """GET /api/status: the overview."""
        return _json(self._overview())

    def page(self, _: Request) -> Response:
        """GET /: the overview as a page."""
        return HTMLResponse(
            status_page(self._overview(), self._links, self._clock.now(), self._zone)
        )

    def metrics(self, _: Request) -> Response:
        """GET /metrics: what is monitored, and which parts have failed, for Prometheus."""
        content = exposition(self._overview())
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    def mlflow(self, _: Request) -> Response:
        """GET /mlflow: redirect to the project's experiment in MLflow."""
        if self._links.tracking is None:
            raise HttpRefusal(HTTPStatus.NOT_FOUND, "MLflow's address is not known.")
        return RedirectResponse(self._links.tracking + self._experiment())

    def versions(self, _: Request) -> Response:
        """GET /api/versions: every model version, latest first."""
        state = self._view.read().state
        return _json({"versions": list(reversed(state.versions.values()))})

    def history(self, request: Request) -> Response:
        """GET /api/history: the latest ledger entries as sentences."""
        entries = self._view.read().entries
        return _json({"history": history_of(entries[-_limit(request) :])})

    def alarms(self, request: Request) -> Response:
        """GET /api/alarms: the latest alarms of the monitor."""
        entries = self._view.read().entries
        return _json({"alarms": alarms_in(entries)[: _limit(request)]})

    def triggers(self, request: Request) -> Response:
        """GET /api/triggers: the latest triggers, with decision and progress."""
        entries = self._view.read().entries
        return _json({"triggers": retrainings_in(entries)[: _limit(request)]})

    async def trigger(self, request: Request) -> Response:
        """POST /api/triggers: request a retraining."""
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            message = "The body must have the Content-Type application/json."
            raise HttpRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
        try:
            body = msgspec.json.decode(await request.body(), type=TriggerBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"The body is not a valid trigger: {error}.",
                'Send, for example, {"kind": "manual"}.',
            ) from error
        response = await run_in_threadpool(self._request_retraining, body.kind, body.message)
        return _json(response, status=202)

    def _overview(self) -> Overview:
        snapshot = self._view.read()
        return overview(self._model, snapshot, self._messages(), self._live(snapshot))


def control_app(control: Control) -> Starlette:
    """Return the ASGI application."""
    routes = [
        Route("/", control.page),
        Route("/style.css", _style),
        Route("/live.js", _script),
        Route("/metrics", control.metrics),
        Route("/mlflow", control.mlflow),
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
        middleware=[Middleware(SameOriginMiddleware)],
        exception_handlers=error_handlers(hints={404: "See /api/status.", 405: "See /api/status."}),
    )


def _style(_: Request) -> Response:
    return FileResponse(STATIC / "style.css", media_type="text/css")


def _script(_: Request) -> Response:
    return FileResponse(STATIC / "live.js", media_type="text/javascript")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 10_000):
        raise InvalidInput(f"limit is {text!r}.", "Use a number from 1 to 10000.")
    return int(text)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
