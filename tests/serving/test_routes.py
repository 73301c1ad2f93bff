"""The ASGI routes over a data plane in this process: threads, labels, headers of errors."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.bundles import IRIS_LABELS, iris_bundle, mixed_bundle
from tests.serving.inprocess_plane import PlaneFactory, entry_of

from retread.bundle import LocalBundleStore
from retread.core.column_rules import ColumnRules, ValueKind
from retread.core.label_check import LabelReader
from retread.project.settings import ServingSection
from retread.serving import PredictionRecord, SegmentTrafficLog
from retread.serving.http import strict_json
from retread.serving.http.feedback_body import read_feedback
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.reference import http_reference
from retread.serving.http.responses import ResponseTemplates
from retread.serving.http.routes import InferenceEndpoints, build_app
from retread.serving.http.server_state import ServerState
from retread.serving.metrics import ServingCollector
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.recording.records import FastLineEncoder
from retread.serving.row_reader import RowReader
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.tensors import TooLarge

BOOLEAN = ColumnRules(name="label", kind=ValueKind.BOOLEAN)
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


def post(
    planes: PlaneFactory,
    runtime: Runtime,
    path: str,
    *,
    labels: InMemoryLabels | None = None,
    answered: AnsweredIds | None = None,
    **request: Any,
) -> httpx.Response:
    """Send one request to an application around a model."""
    with planes.plane(ServingSection(), production=runtime) as plane:
        state = ServerState(plane, "iris", max_body=1_000_000)
        return send(state, path, labels=labels, answered=answered, **request)


def send(
    state: ServerState,
    path: str,
    *,
    labels: InMemoryLabels | None = None,
    answered: AnsweredIds | None = None,
    **request: Any,
) -> httpx.Response:
    """Send one request to an application of this state."""
    request.setdefault("headers", {"content-type": "application/json"})

    async def posted() -> httpx.Response:
        inference = InferenceEndpoints(state, labels or InMemoryLabels(), "1", answered=answered)
        endpoints = inference, MlflowEndpoints(state, "1")
        routes = [route for some in endpoints for route in some.routes()]
        app = build_app(routes, state.ids)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            response = await client.post(path, **request)
        assert state.bodies.held == 0
        return response

    return asyncio.run(posted())


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


@pytest.mark.parametrize(
    ("labels", "rules", "sent", "stored"),
    [
        (IRIS_LABELS, None, " setosa\u200b", "setosa"),
        (("0", "1", "2"), None, 1.0, "1"),
        (("0.0", "1.0", "2.0"), None, 1, "1.0"),
        (("007", "008", "7"), None, "007", "007"),
        (("007", "008", "9"), None, 7, "7"),
        (("True", "False", "x"), None, True, "True"),
        (("false", "true", "x"), BOOLEAN, "True", "true"),
        (("false", "true", "x"), BOOLEAN, 1, "true"),
        (("gut", "größer", "x"), None, "gro\u0308ßer", "größer"),
        (IRIS_LABELS, None, "rose", "rose"),
    ],
)
def test_e32_e07_d12_labels_are_read_as_in_training(
    planes: PlaneFactory,
    store: LocalBundleStore,
    labels: tuple[str, ...],
    rules: ColumnRules | None,
    sent: object,
    stored: str,
) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    runtime.label_reader = LabelReader(labels, rules)
    kept = InMemoryLabels()
    body = [{"id": "r1", "label": sent}, {"id": "r2", "label": labels[0]}]
    response = post(planes, runtime, "/v2/models/iris/feedback", json=body, labels=kept)
    assert kept.given == {"r1": stored, "r2": labels[0]}
    unknown = [] if stored in labels else [stored]
    assert response.json() == {"accepted": 2, "waiting": [], "unknown_labels": unknown}


def test_e20_one_wrong_label_is_named_and_none_is_recorded(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    runtime = load_runtime(store, mixed_bundle(store))
    kept = InMemoryLabels()
    body = [{"id": f"r{i}", "label": i} for i in range(50)] + [{"id": "bad", "label": "many"}]
    response = post(planes, runtime, "/v2/models/iris/feedback", json=body, labels=kept)
    assert response.status_code == 400
    assert "Label 51 of 51, for request 'bad': 'many' is not a finite number" in response.text
    assert kept.given == {}


def test_a03_the_labels_of_a_body_are_bounded_in_number_and_length(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    kept = InMemoryLabels()
    body = json.dumps([{"id": f"r{i}", "label": "setosa"} for i in range(21)]).encode()
    with pytest.raises(TooLarge, match="21 labels, more than the allowed 20"):
        read_feedback(body, runtime.label_reader, 20)
    for label in ("x" * 257, "y" * 900_000):
        sent = [{"id": "r1", "label": "setosa"}, {"id": "r2", "label": label}]
        response = post(planes, runtime, "/v2/models/iris/feedback", json=sent, labels=kept)
        assert response.status_code == 400
        assert "Label 2 of 2" in response.json()["error"]["message"]
    assert kept.given == {}


def test_u6_labels_without_an_answer_are_told_and_counted(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    log = SegmentTrafficLog(planes.folder)
    log.append([PredictionRecord(id="r1", at=1.0, key="r1", status=200, answer=None)])
    log.close()
    runtime = load_runtime(store, iris_bundle(store))
    body = [{"id": "r1", "label": "setosa"}, {"id": "nope", "label": "rose"}]
    answered = AnsweredIds(planes.folder)
    response = post(planes, runtime, "/v2/models/iris/feedback", json=body, answered=answered)
    assert response.json() == {"accepted": 2, "waiting": ["nope"], "unknown_labels": ["rose"]}


def test_e33_unknown_categories_are_in_every_answer_and_counted(
    planes: PlaneFactory, store: LocalBundleStore
) -> None:
    digest = mixed_bundle(store)
    runtime = load_runtime(store, digest)
    runtime.read_rows = RowReader(runtime.manifest, {"day": ["sunday"]}).read
    days, hours = ["sunday", "Sunday", None], [1, 1, 1]
    tensors = [
        {"name": "day", "datatype": "BYTES", "shape": [3], "data": days},
        {"name": "hours", "datatype": "FP32", "shape": [3], "data": hours},
    ]
    answers = []
    for path, body in (
        ("/invocations", {"inputs": {"day": days, "hours": hours}}),
        ("/v2/models/iris/infer", {"inputs": tensors}),
    ):
        with planes.plane(ServingSection(), production=runtime) as plane:
            state = ServerState(plane, "iris", max_body=1_000_000)
            answers.append(send(state, path, json=body).json())
            collector = ServingCollector(plane.metrics, partial(state.snapshot, None), 0)
        exposed = collector.exposition().decode()
        assert 'retread_unknown_categories_total{column="day",worker="0"} 1.0' in exposed
    assert answers[0]["unknown"] == answers[1]["parameters"]["unknown"] == [[], ["day"], []]
    assert answers[0]["predictions"] == answers[1]["outputs"][0]["data"] == [11.0, 1.0, 1.0]


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
    headers = {"content-type": "text/plain"}
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
        body = response.json()
        assert (body["error"] if path.endswith("feedback") else body)["code"] == "failed"
        assert response.headers["x-request-id"]


def test_the_reference_has_every_route() -> None:
    text = http_reference()
    for route in ("POST /v2/models/{model}/infer", "POST /invocations", "GET /metrics"):
        assert f"`{route}`" in text
    assert "| 503 | `unavailable` |" in text
