"""The ordinary routes over a data plane in this process: threads, labels, headers of errors."""

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
from tests.serving.asking import Planes, entry_of

from retread.bundle import LocalBundleStore
from retread.project.settings import ServingSection
from retread.serving.http import strict_json
from retread.serving.http.answers import AnswerBook
from retread.serving.http.app import build_app
from retread.serving.http.front import Front
from retread.serving.http.neighbours import neighbour_routes
from retread.serving.http.routes import protocol_routes
from retread.serving.recording.lines import PlainLines
from retread.serving.runtime import Runtime, load_runtime

IRIS = {"instances": [[5.1, 3.5, 1.4, 0.2]]}


class Labels:
    """A label store that remembers."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def put(self, labels: Sequence[tuple[str, str]], at: float) -> None:
        self.given.update(labels)

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        return self.given

    def count(self) -> int:
        return len(self.given)


@pytest.fixture
def store(tmp_path: Path) -> LocalBundleStore:
    return LocalBundleStore(tmp_path / "bundles")


@pytest.fixture
def planes(tmp_path: Path) -> Planes:
    return Planes(tmp_path / "traffic")


def post(planes: Planes, runtime: Runtime, path: str, **request: Any) -> httpx.Response:
    """One request to an application around a model."""

    async def ask() -> httpx.Response:
        front = Front(plane, "iris", max_body=1_000_000)
        routes = [*protocol_routes(front, Labels(), "1"), *neighbour_routes(front, "1")]
        transport = httpx.ASGITransport(build_app(routes, front.ids))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.post(path, **request)
        assert front.bodies.held == 0
        return answer

    with planes.plane(ServingSection(), production=runtime) as plane:
        return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/invocations", IRIS),
        ("/v2/models/iris/feedback", {"id": "r1", "label": "setosa"}),
    ],
)
def test_bodies_are_read_beside_the_event_loop(
    planes: Planes,
    store: LocalBundleStore,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: object,
) -> None:
    where: list[str] = []
    parse = strict_json.parse

    def seen(content: bytes) -> Any:
        where.append(threading.current_thread().name)
        return parse(content)

    monkeypatch.setattr(strict_json, "parse", seen)
    answer = post(planes, load_runtime(store, iris_bundle(store)), path, json=body)
    assert answer.status_code == 200, answer.text
    assert [name.partition("_")[0] for name in where] == ["reader"]


@pytest.mark.parametrize("label", ["nan", "inf", "-Infinity", "1e999", "many", ""])
def test_a_number_is_fed_back_as_a_number(
    planes: Planes, store: LocalBundleStore, label: str
) -> None:
    runtime = load_runtime(store, mixed_bundle(store))
    path = "/v2/models/iris/feedback"
    answer = post(planes, runtime, path, json={"id": "r1", "label": label})
    assert answer.status_code == 400
    content = b'{"id": "r1", "label": 1e999}'
    assert post(planes, runtime, path, content=content).status_code == 400
    assert post(planes, runtime, path, json={"id": "r1", "label": "1e3"}).status_code == 200


def test_who_comes_from_mlflow_learns_who_answered(planes: Planes, store: LocalBundleStore) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    answer = post(planes, runtime, "/invocations", json=IRIS, headers={"x-request-id": "mine"})
    assert answer.json() == {"predictions": ["setosa"]}
    told = [answer.headers[f"x-{name}"] for name in ("request-id", "retread-slot")]
    assert told == ["mine", "production"]
    assert answer.headers["x-retread-version"] == "1"


def test_another_content_type_is_415(planes: Planes, store: LocalBundleStore) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    headers = {"content-type": "text/csv"}
    answer = post(planes, runtime, "/invocations", content=b"1,2,3", headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize("path", ["/nothing", "/v2", "/invocations", "/v2/models/roses/infer"])
def test_errors_carry_the_id_of_their_request(
    planes: Planes, store: LocalBundleStore, path: str
) -> None:
    runtime = load_runtime(store, iris_bundle(store))
    given = post(planes, runtime, path, content=b"{", headers={"x-request-id": "mine"})
    made = post(planes, runtime, path, content=b"{")
    assert 400 <= made.status_code < 500
    assert given.headers["x-request-id"] == "mine"
    assert made.headers["x-request-id"]


def test_a_retired_model_is_let_go(store: LocalBundleStore) -> None:
    """No cache of answers or lines keeps its session in memory."""
    entry = entry_of("production", load_runtime(store, iris_bundle(store)))
    gone = weakref.ref(entry.runtime)
    book, lines = AnswerBook("iris"), PlainLines()
    book.template(entry)
    lines.template(entry)
    del entry
    gc.collect()
    assert gone() is None
