"""Whatever fails on the way of a request, it is answered, and what it held is released (A1, A5)."""

from __future__ import annotations

import gc
import io
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.bundles import iris_bundle, slow_bundle, tiny_image_bundle
from tests.serving.inprocess_server import BODY, INFER, InProcessServer, request, serving
from tests.serving.running import rows, until
from tests.serving.test_routes import InMemoryLabels

from retread.bundle import LocalBundleStore
from retread.project.settings import ServingSection
from retread.serving import dataplane, scoring
from retread.serving.call import Call
from retread.serving.dataplane import DataPlane
from retread.serving.http import infer_request, mlflow_routes, protocol, strict_json
from retread.serving.http.infer_request import InferRequest
from retread.serving.http.protocol import InferenceProtocol
from retread.serving.http.responses import ResponseTemplate, ResponseTemplates
from retread.serving.metrics import ServingMetrics
from retread.serving.recording.recorder import Recorder
from retread.serving.request_id import RequestIds
from retread.serving.runtime import Runtime, load_runtime
from retread.serving.shadow_scoring import ShadowScorer
from retread.serving.slots import SlotTable
from retread.serving.thread_pool import BoundedThreadPool

BAD_UTF8 = (
    b'{"inputs":[{"name":"\xff","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}',
    b'{"inputs":[{"name":"features","shape":[1,4],"datatype":"\xc3\x28","data":[1,2,3,4]}]}',
    b'{"id":"\xed\xa0\x80","inputs":[]}',
)
LONG = json.dumps(rows(*[(5.1, 3.5, 1.4, 0.2)] * 3000)).encode()
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalBundleStore:
    return LocalBundleStore(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def iris_runtime(store: LocalBundleStore) -> Runtime:
    return load_runtime(store, iris_bundle(store))


@pytest.fixture(scope="module")
def server(
    iris_runtime: Runtime, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcessServer]:
    folder = tmp_path_factory.mktemp("traffic")
    with serving(folder, InMemoryLabels(), production=iris_runtime, shadow=iris_runtime) as one:
        yield one


@pytest.mark.parametrize("body", BAD_UTF8)
@pytest.mark.parametrize("path", [INFER, "/invocations", "/v2/models/iris/feedback"])
def test_a01_a_byte_that_is_not_utf8_gets_400(
    server: InProcessServer, path: str, body: bytes
) -> None:
    for padded in (body, body + b" " * 300_000):
        assert server.exchange(request(path, padded, CLOSE)).startswith(b"HTTP/1.1 400 ")
    server.check_idle()


STEPS: list[tuple[Any, str, bytes]] = [
    (infer_request, "decode_row", BODY),
    (infer_request, "decode_request", LONG),
    (strict_json, "parse", LONG),
    (InferRequest, "read_header", BODY),
    (InferRequest, "receive_body", BODY),
    (InferRequest, "_decode", LONG),
    (InferRequest, "_render_result", BODY),
    (infer_request, "in_json", BODY.replace(b'{"inputs"', b'{"id":"a","inputs"')),
    (infer_request, "id_lines", BODY),
    (infer_request, "error_head", b"{}"),
    (infer_request, "text_error_body", b"{}"),
    (infer_request, "status_of", b"{}"),
    (RequestIds, "new", BODY),
    (InferenceProtocol, "on_body", BODY),
    (InferenceProtocol, "on_headers_complete", BODY),
    (InferenceProtocol, "_read_headers", BODY),
    (InferenceProtocol, "_is_last", BODY),
    (protocol, "InferRequest", BODY),
    (DataPlane, "_admit", BODY),
    (DataPlane, "_route", BODY),
    (DataPlane, "_route", LONG),
    (DataPlane, "_enqueue", BODY),
    (DataPlane, "_enqueue", LONG),
    (DataPlane, "_score_batch", BODY),
    (DataPlane, "_score_long", LONG),
    (DataPlane, "_score_in_thread", LONG),
    (DataPlane, "_accept", BODY),
    (DataPlane, "_accept", LONG),
    (DataPlane, "_was_read", LONG),
    (DataPlane, "_conclude", BODY),
    (DataPlane, "_conclude_refusal", b"{}"),
    (dataplane, "is_short", BODY),
    (Call, "make_rows", LONG),
    (dataplane, "decode_and_score", LONG),
    (scoring, "decode_images", BODY),
    (SlotTable, "route", BODY),
    (Runtime, "score", BODY),
    (Runtime, "score", LONG),
    (ResponseTemplates, "template", BODY),
    (ResponseTemplate, "one_row", BODY),
    (ResponseTemplate, "many_rows", LONG),
    (ServingMetrics, "count_responses", BODY),
    (ServingMetrics, "count_refusal", b"{}"),
    (ShadowScorer, "complete", BODY),
    (Recorder, "put", BODY),
    (BoundedThreadPool, "submit", LONG),
]


@pytest.mark.parametrize(("place", "name", "body"), STEPS, ids=lambda part: str(part)[:40])
def test_a01_an_exception_at_any_step_is_answered_and_holds_nothing(
    server: InProcessServer,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    name: str,
    body: bytes,
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError(name)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, fail)
        received = server.exchange(request(INFER, body, CLOSE))
        server.check_idle()
    status = int(received.split(b" ")[1])
    assert status in (200, 400, 500), received
    if status == 500:
        assert b'"error"' in received
    assert server.exchange(request(INFER, BODY, CLOSE)).startswith(b"HTTP/1.1 200 ")
    server.check_idle()


REFUSED = [
    request(INFER, b"{", CLOSE),
    request(INFER, b"{" + b" " * 100_000, CLOSE),
    request(INFER, BODY, CLOSE, "Content-Encoding: gzip"),
    request(INFER, BODY, CLOSE, "Content-Encoding: br"),
    request(INFER, BODY, CLOSE, "X-Retread-Slot: nowhere"),
    request(INFER, BODY, CLOSE, host="a.example"),
    request(INFER, BODY[:-1] + b',"outputs":[{"name":"nothing"}]}', CLOSE),
    request(INFER, b"photo", CLOSE, kind="image/png"),
    request("/v2/models/iris/versions/99/infer", BODY, CLOSE),
    request("/invocations", b'{"instances":[[5.1]]}', CLOSE),
    request("/invocations", b"{}", CLOSE, kind=None),
]


@contextmanager
def nothing_is_kept() -> Iterator[None]:
    """Check that no request and connection of the block is left to the collector of cycles.

    It runs after many others, and what it has not found yet looks like a leak.
    """

    def kept() -> int:
        return sum(type(one) in (InferRequest, InferenceProtocol) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        yield
        until(lambda: kept() == 0, "the requests and their connections are gone", 10.0)
    finally:
        gc.enable()


def check_nothing_is_kept(server: InProcessServer, sent: bytes) -> None:
    with nothing_is_kept():
        for _ in range(3):
            assert server.exchange(sent).startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("sent", REFUSED, ids=range(len(REFUSED)))
def test_a01_a_refused_request_is_gone_with_its_answer(
    server: InProcessServer, sent: bytes
) -> None:
    check_nothing_is_kept(server, sent)


def test_a01_a_refused_photo_is_gone_with_its_answer(
    store: LocalBundleStore, tmp_path: Path
) -> None:
    runtime = load_runtime(store, tiny_image_bundle(store))
    file = io.BytesIO()
    Image.effect_noise((200, 200), 50.0).save(file, "PNG")
    with serving(tmp_path, InMemoryLabels(), production=runtime) as server:
        for content in (file.getvalue()[:5000], b"x" + file.getvalue()):
            check_nothing_is_kept(server, request(INFER, content, CLOSE, kind="image/png"))


CUT_OFF = [
    request()[:-5],
    request()[:60],
    request() + request()[:-5],
    request() * 3 + request(body=LONG)[:90_000],
    request(INFER, BODY, "Expect: 100-continue")[: -len(BODY)],
    request("/v2/models/iris/versions/1/infer")[:-5],
    request("/invocations")[:-5],
    request("/v2/models/iris/feedback", b'{"id":"a","label":"setosa"}')[:-5],
    request("/v2/health/live", b"", method="GET")[:-5],
    request("/v2/health/live", b"", method="GET"),
    request(),
]


@pytest.mark.parametrize("sent", CUT_OFF, ids=range(len(CUT_OFF)))
@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_a05_what_a_client_that_is_gone_has_sent_is_gone_with_it(
    server: InProcessServer, sent: bytes, resets: bool
) -> None:
    with nothing_is_kept():
        for _ in range(3):
            with server.connected() as connection:
                connection.sendall(sent)
                time.sleep(0.05)  # it arrives before the end does
                if resets:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    server.check_idle()


@pytest.mark.parametrize("name", ["read_body", "predictions_of"])
def test_a01_an_exception_in_invocations_is_500(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError

    body = b'{"instances":[[5.1,3.5,1.4,0.2]]}'
    with monkeypatch.context() as patch:
        patch.setattr(mlflow_routes, name, fail)
        received = server.exchange(request("/invocations", body, CLOSE))
    assert received.startswith(b"HTTP/1.1 500 ")
    server.check_idle()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (INFER, BODY),
        (INFER, LONG),
        ("/invocations", b'{"instances":[[5.1,3.5,1.4,0.2]]}'),
        ("/v2/models/iris/feedback", b'{"id":"a","label":"setosa"}'),
        ("/v2/models/iris/versions/1/infer", BODY),
    ],
)
def test_a05_a_client_that_closes_its_side_is_answered(
    server: InProcessServer, path: str, body: bytes
) -> None:
    received = server.exchange(request(path, body), half_closes=True)
    assert received.startswith(b"HTTP/1.1 200 ")
    both = server.exchange(request(path, body) * 2, half_closes=True)
    assert both.count(b"HTTP/1.1 200 ") == 2
    server.check_idle()


@pytest.mark.parametrize("path", [INFER, "/invocations", "/v2/health/live"])
def test_a05_a_request_that_ends_too_early_gets_400(server: InProcessServer, path: str) -> None:
    for length in (10, len(request(path)) - 5):
        received = server.exchange(request(path)[:length], half_closes=True)
        # A route that takes no POST may say so before all of the body has come.
        statuses = (b"400", b"405") if path == "/v2/health/live" else (b"400",)
        assert received.split(b" ")[1] in statuses
        assert received.count(b"HTTP/1.1 ") == 1
    server.check_idle()


def test_a05_a_request_that_is_answered_before_it_ends_gets_no_second_answer(
    server: InProcessServer,
) -> None:
    sent = request("/v2/health/live")
    with server.connected() as connection:
        connection.sendall(sent[:-5])
        received = connection.recv(65_536)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            received += part
    assert received.startswith(b"HTTP/1.1 405 ")
    assert received.count(b"HTTP/1.1 ") == 1
    server.check_idle()


def test_a05_a_photo_of_a_client_that_closes_its_side_is_answered(
    store: LocalBundleStore, tmp_path: Path
) -> None:
    runtime = load_runtime(store, tiny_image_bundle(store))
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (230, 230, 230)).save(file, "PNG")
    with serving(tmp_path, InMemoryLabels(), production=runtime) as server:
        sent = request(INFER, file.getvalue(), kind="image/png")
        assert b'"bright"' in server.exchange(sent, half_closes=True)
        server.check_idle()


@pytest.mark.slow
@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_a05_work_for_a_client_that_is_gone_is_dropped(
    store: LocalBundleStore, tmp_path: Path, resets: bool
) -> None:
    """Each would take the model a while; none but those that run already are scored."""
    runtime = load_runtime(store, slow_bundle(store, products=6))
    heavy = ServingSection(inline_below_ms=0.0)
    with serving(tmp_path, InMemoryLabels(), heavy, production=runtime) as server:
        for _ in range(40):
            with server.connected() as connection:
                connection.sendall(request())
                if resets:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        responses = server.plane.metrics.responses
        until(lambda: responses["", 0, 408] >= 10, "many are dropped")
        server.check_idle()
        assert server.exchange(request(INFER, BODY, CLOSE)).startswith(b"HTTP/1.1 200 ")
