"""The ASGI routes over a data plane in this process: threads, labels, headers of errors."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.bundles import iris_bundle, mixed_bundle
from tests.serving.inprocess_plane import PlaneFactory, entry_of

from retread.bundle import LocalBundleStore
from retread.project.settings import ServingSection
from retread.serving.http import strict_json
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.reference import http_reference
from retread.serving.http.responses import ResponseTemplates
from retread.serving.http.routes import InferenceEndpoints, build_app
from retread.serving.http.server_state import ServerState
from retread.serving.recording.records import FastLineEncoder
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.traffic import PredictionRecord

IRIS = {"instances": [[5.1, 3.5, 1.4, 0.2]]}


class InMemoryLabels:
    """A label store in memory."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def put(self, labels: Sequence[tuple[str, str]], at: float) -> None:
        self.given.update(labels)

    def note_answers(self, records: Sequence[PredictionRecord]) -> None:
        pass

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        return self.given

    def count(self) -> int:
        return len(self.given)


@pytest.fixture
def store(tmp_path: Path) -> LocalBundleStore:
    return LocalBundleStore(tmp_path / "bundles")


@pytest.fixture
def planes(tmp_path: Path) -> PlaneFactory:
    return PlaneFactory(tmp_path / "traffic")


def post(planes: PlaneFactory, runtime: Runtime, path: str, **request: Any) -> httpx.Response:
    """Send one request to an application around a model."""
    request.setdefault("headers", {"content-type": "application/json"})

    async def send() -> httpx.Response:
        state = ServerState(plane, "iris", max_body=1_000_000)
        endpoints = InferenceEndpoints(state, InMemoryLabels(), "1"), MlflowEndpoints(state, "1")
        routes = [route for some in endpoints for route in some.routes()]
        app = build_app(routes, state.ids)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            response = await client.post(path, **request)
        assert state.bodies.held == 0
        return response

    with planes.plane(ServingSection(), production=runtime) as plane:
        return asyncio.run(send())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/invocations", IRIS),
        ("/v2/models/iris/feedback", {"id": "r1", "label": "setosa"}),
    ],
)
def test_bodies_are_decoded_in_a_thread(
    planes: PlaneFactory,
    store: LocalBundleStore,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: object,
) -> None:
    where: list[str] = []
    parse = strict_json.parse

    def spy(content: bytes) -> Any:
        where.append(threading.current_thread().name)
        return parse(content)

    monkeypatch.setattr(strict_json, "parse", spy)
    response = post(planes, load_runtime(store, iris_bundle(store)), path, json=body)
    assert response.status_code == 200, response.text
    assert [name.partition("_")[0] for name in where] == ["reader"]


@pytest.mark.parametrize("label", ["nan", "inf", "-Infinity", "1e999", "many", ""])
def test_the_label_of_a_number_is_a_finite_number(
    planes: PlaneFactory, store: LocalBundleStore, label: str
) -> None:
    runtime = load_runtime(store, mixed_bundle(store))
    path = "/v2/models/iris/feedback"
    response = post(planes, runtime, path, json={"id": "r1", "label": label})
    assert response.status_code == 400
    content = b'{"id": "r1", "label": 1e999}'
    assert post(planes, runtime, path, content=content).status_code == 400
    assert post(planes, runtime, path, json={"id": "r1", "label": "1e3"}).status_code == 200


def test_mlflow_clients_get_the_headers_of_infer(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    response = post(planes, runtime, "/invocations", json=IRIS, headers={"x-request-id": "mine"})
    assert response.json() == {"predictions": ["setosa"]}
    sent = [response.headers[f"x-{name}"] for name in ("request-id", "retread-slot")]
    assert sent == ["mine", "production"]
    assert response.headers["x-retread-version"] == "1"


def test_an_unsupported_content_type_is_415(planes: PlaneFactory, store: LocalBundleStore) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    headers = {"content-type": "text/csv"}
    response = post(planes, runtime, "/invocations", content=b"1,2,3", headers=headers)
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize("path", ["/nothing", "/v2", "/invocations", "/v2/models/roses/infer"])
def test_errors_carry_the_id_of_their_request(
    planes: PlaneFactory, store: LocalBundleStore, path: str
) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    given = post(planes, runtime, path, content=b"{", headers={"x-request-id": "mine"})
    made = post(planes, runtime, path, content=b"{")
    assert 400 <= made.status_code < 500
    assert given.headers["x-request-id"] == "mine"
    assert made.headers["x-request-id"]


def test_a_retired_model_is_released(store: LocalBundleStore) -> None:
    """No cache of templates keeps its session in memory."""
    entry = entry_of("production", load_runtime(store, iris_bundle(store)))
    gone = weakref.ref(entry.runtime)
    responses, lines = ResponseTemplates("iris"), FastLineEncoder()
    responses.template(entry)
    lines.template(entry)
    del entry
    gc.collect()
    assert gone() is None


def test_an_unexpected_failure_is_500_and_does_not_ask_to_retry(
    planes: PlaneFactory, store: LocalBundleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: bytes) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(strict_json, "parse", fail)
    runtime = load_runtime(store, iris_bundle(store))
    for path in ("/invocations", "/v2/models/iris/infer", "/v2/models/iris/feedback"):
        response = post(planes, runtime, path, content=b"{}")
        assert response.status_code == 500, path
        assert "retry-after" not in response.headers
        assert response.json()["code"] == "failed"
        assert response.headers["x-request-id"]


def test_the_reference_has_every_route() -> None:
    text = http_reference()
    for route in ("POST /v2/models/{model}/infer", "POST /invocations", "GET /metrics"):
        assert f"`{route}`" in text
    assert "| 503 | `unavailable` |" in text
