"""What callers of other servers send, and what pages of other sites must not."""

from __future__ import annotations

import gzip
import io
import json
import resource
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.bundles import iris_bundle, tiny_image_bundle
from tests.serving.inprocess_server import BODY, INFER, InProcessServer, request, serving
from tests.serving.running import rows, until

from retread.bundle import LocalBundleStore
from retread.core import Database
from retread.project.settings import ServingSection
from retread.serving import SegmentTrafficLog, SqlLabelStore
from retread.serving.http.connection_limit import ConnectionLimit
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.runtime import load_runtime
from retread.serving.traffic import Cursor, PredictionRecord

CLOSE = "Connection: close"
FEEDBACK = "/v2/models/iris/feedback"
ACCEPTED = {"accepted": 1, "waiting": [], "unknown_labels": []}
SETTINGS = ServingSection(max_rows=2000, record_rows=50)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("callers")


@pytest.fixture(scope="module")
def labels(folder: Path) -> Iterator[SqlLabelStore]:
    database = Database(f"sqlite:///{folder / 'retread.db'}")
    database.create_tables()
    yield SqlLabelStore(database)
    database.close()


@pytest.fixture(scope="module")
def server(folder: Path, labels: SqlLabelStore) -> Iterator[InProcessServer]:
    store = LocalBundleStore(folder / "bundles")
    runtime = load_runtime(store, iris_bundle(store))
    with serving(folder / "traffic", labels, SETTINGS, production=runtime) as one:
        yield one


def ask(server: InProcessServer, content: bytes) -> tuple[int, dict[str, str], Any]:
    """Send a request that closes; return status, headers and body."""
    head, _, body = server.exchange(content).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, json.loads(body) if body else None


def recorded(folder: Path) -> list[PredictionRecord]:
    found, _ = SegmentTrafficLog(folder / "traffic").read(Cursor(), 100_000)
    return list(found)


def many(count: int, caller_id: str) -> bytes:
    return json.dumps({**rows(*[(5.1, 3.5, 1.4, 0.2)] * count), "id": caller_id}).encode()


def test_a03_too_many_rows_get_413(server: InProcessServer) -> None:
    status, _, body = ask(server, request(INFER, many(2001, "a"), CLOSE))
    assert status == 413
    assert "2,001 rows, more than the allowed 2,000" in body["error"]
    split = {"dataframe_split": {"columns": ["sepal_length"], "data": [[1.0]] * 2001}}
    assert ask(server, request("/invocations", json.dumps(split).encode(), CLOSE))[0] == 413
    shape = BODY.replace(b"[1, 4]", b"[1099511627776, 4]")
    assert ask(server, request(INFER, shape, CLOSE))[0] == 413
    server.check_idle()


def test_a03_the_rows_of_all_calls_are_limited(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.plane, "held_rows", 7000)
    status, headers, body = ask(server, request(INFER, many(1500, "a"), CLOSE))
    assert (status, headers["retry-after"]) == (503, "1")
    assert "7,000 rows are already being answered" in body["error"]
    assert ask(server, request(INFER, many(900, "a"), CLOSE))[0] == 200
    assert ask(server, request(INFER, BODY, CLOSE))[0] == 200
    assert server.plane.held_rows == 7000


def test_a03_of_a_large_call_a_sample_is_recorded_which_says_so(
    server: InProcessServer, folder: Path
) -> None:
    assert ask(server, request(INFER, many(1999, "large"), CLOSE))[0] == 200
    found: list[PredictionRecord] = []

    def are_there() -> bool:
        found[:] = [r for r in recorded(folder) if r.caller_id.split(".")[0] == "large"]
        return len(found) == 50

    until(are_there, "50 rows are recorded")
    assert {record.sampled_from for record in found} == {1999}
    numbers = [int((record.id + ".0").split(".")[1]) for record in found]
    assert (min(numbers), max(numbers)) == (0, 1959)
    assert ask(server, request(INFER, many(50, "small"), CLOSE))[0] == 200
    until(lambda: sum(r.caller_id.startswith("small") for r in recorded(folder)) == 50, "all of 50")
    assert all(r.sampled_from == 0 for r in recorded(folder) if r.caller_id.startswith("small"))


@pytest.mark.parametrize(
    "upgrade",
    [
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIA"),
        ("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        ("Connection: keep-alive, Upgrade", "Upgrade: foo/2"),
    ],
)
@pytest.mark.parametrize("path", [INFER, "/invocations", FEEDBACK, "/v2"])
def test_a04_an_upgrade_is_ignored(
    server: InProcessServer, path: str, upgrade: tuple[str, ...]
) -> None:
    bodies = {
        INFER: BODY,
        "/invocations": b'{"instances":[[5.1,3.5,1.4,0.2]]}',
        FEEDBACK: b'{"id":"a","label":"setosa"}',
    }
    method = "GET" if path == "/v2" else "POST"
    first = request(path, bodies.get(path, b""), *upgrade, method=method)
    with server.connected() as connection:
        for cut in (len(first) - 1, len(first) // 2):
            connection.sendall(first[:cut])
            connection.sendall(first[cut:])
        connection.sendall(first + request(INFER, BODY, CLOSE))
        received = b""
        while part := connection.recv(65_536):
            received += part
    assert received.count(b"HTTP/1.1 200 ") == 4
    server.check_idle()


@pytest.mark.parametrize("connection", ["Upgrade, close", "close, Upgrade"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize(("path", "method"), [(INFER, "POST"), ("/v2", "GET")])
def test_a04_an_upgrade_of_a_connection_that_closes_is_ignored(
    server: InProcessServer, path: str, method: str, version: str, connection: str
) -> None:
    lines = (f"Connection: {connection}", "Upgrade: h2c")
    sent = request(path, BODY if method == "POST" else b"", *lines, method=method)
    received = server.exchange(sent.replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1))
    assert received.count(b"HTTP/1.1 200 ") == 1
    server.check_idle()


@pytest.mark.parametrize("target", ["http://", "http:///v2", "http:", "//", "/\xff", "/%ff", "*"])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "in two"])
def test_a04_what_is_refused_without_upgrade_is_refused_with_it(
    server: InProcessServer, target: str, cut: bool
) -> None:
    def status(*lines: str) -> bytes:
        sent = request(target, b"", *lines, method="GET")
        with server.connected() as connection:
            connection.sendall(sent[: len(sent) // 2 if cut else None])
            connection.sendall(sent[len(sent) // 2 :] if cut else b"")
            return connection.makefile("rb").readline()

    refused = status()
    assert refused.startswith(b"HTTP/1.1 40")
    assert status("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c") == refused


def test_a04_connect_is_no_tunnel(server: InProcessServer) -> None:
    sent = b"CONNECT a.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"\x16\x03\x01\x00"
    assert server.exchange(sent).startswith(b"HTTP/1.1 400 ")


PAGES = [
    ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site"),
    ("Origin: null",),
    ("Origin: http://localhost:5002",),
    ("Sec-Fetch-Site: same-site",),
    ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
]


@pytest.mark.parametrize("lines", PAGES, ids=str)
@pytest.mark.parametrize("path", [INFER, "/invocations", FEEDBACK, "/metrics", "/v2/models/iris"])
def test_a06_pages_of_other_sites_are_refused(
    server: InProcessServer, path: str, lines: tuple[str, ...]
) -> None:
    method = "POST" if path in (INFER, "/invocations", FEEDBACK) else "GET"
    for kind in (None, "text/plain;charset=UTF-8", "application/json"):
        sent = request(path, BODY if method == "POST" else b"", *lines, method=method, kind=kind)
        assert ask(server, sent)[0] == 403
    server.check_idle()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:5001", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", [INFER, "/v2/models/iris", "/metrics"])
def test_a06_other_hosts_are_refused(server: InProcessServer, path: str, host: str) -> None:
    method = "POST" if path == INFER else "GET"
    sent = request(path, BODY if method == "POST" else b"", method=method, host=host)
    status, _, body = ask(server, sent)
    assert status == 403
    assert "[serving] hosts" in body["hint"]


def test_a06_own_pages_and_programs_pass(server: InProcessServer) -> None:
    own = ("Origin: http://localhost:5001", "Sec-Fetch-Site: same-origin")
    assert ask(server, request(INFER, BODY, *own, CLOSE, host="localhost:5001"))[0] == 200
    for host in ("127.0.0.1", "127.0.0.1:9", "[::1]:5001", "LOCALHOST"):
        assert ask(server, request(INFER, BODY, CLOSE, host=host))[0] == 200
    for path in ("/invocations", FEEDBACK):
        for kind in ("text/plain", "multipart/form-data; boundary=x", None):
            assert ask(server, request(path, b"{}", CLOSE, kind=kind))[0] == 415


def test_a07_one_label_for_an_id_that_many_requests_have(
    server: InProcessServer, folder: Path, labels: SqlLabelStore
) -> None:
    ids = set()
    for _ in range(30):
        status, headers, body = ask(server, request(INFER, BODY, CLOSE, "X-Request-Id: same"))
        assert (status, body["id"], headers["x-request-id"]) == (200, "same", "same")
        ids.add(headers["x-retread-id"])
    assert len(ids) == 30
    given = b'{"id":"same","label":"virginica"}'
    assert ask(server, request(FEEDBACK, given, CLOSE))[2] == ACCEPTED
    until(lambda: sum(r.caller_id == "same" for r in recorded(folder)) == 30, "all are recorded")
    of_caller = [r for r in recorded(folder) if r.caller_id == "same"]
    assert {record.id for record in of_caller} == ids
    for part in (of_caller[:7], of_caller[7:], of_caller):
        labels.note_answers(part)
    assert labels.get(sorted(ids)) == {of_caller[0].id: "virginica"}
    second = f'{{"id":"{of_caller[1].id}","label":"setosa"}}'.encode()
    assert ask(server, request(FEEDBACK, second, CLOSE))[0] == 200
    assert labels.get(sorted(ids)) == {
        of_caller[0].id: "virginica",
        of_caller[1].id: "setosa",
    }


def test_a07_an_id_of_ours_belongs_to_its_answer_whoever_names_a_request_so(
    server: InProcessServer, folder: Path, labels: SqlLabelStore
) -> None:
    own = ask(server, request(INFER, BODY, CLOSE))[1]["x-request-id"]
    forged = {
        ask(server, request(INFER, BODY, CLOSE, f"X-Request-Id: {name}"))[1]["x-retread-id"]
        for name in (own, own, f"{own}.0", f"{own[:-1]}f")
    }
    until(lambda: forged <= {r.id for r in recorded(folder)}, "all are recorded")
    labels.note_answers(recorded(folder))
    for name in (own, f"{own}.0", f"{own[:-1]}f"):
        given = json.dumps({"id": name, "label": "virginica"}).encode()
        assert ask(server, request(FEEDBACK, given, CLOSE))[0] == 200
        answered = AnsweredIds(folder / "traffic").of([name])
        assert answered == ({own} if name == own else set())
    assert labels.get([own, *forged]) == {own: "virginica"}


@pytest.mark.parametrize(
    "sent",
    [
        request(INFER, b"{", CLOSE),
        request("/invocations", b"{", CLOSE),
        request("/v2/models/roses", method="GET", body=b""),
        request("/ping", b"", CLOSE),
        request("/nothing", b"", CLOSE),
    ],
)
def test_b01_the_error_is_a_text_with_its_hint(server: InProcessServer, sent: bytes) -> None:
    _, _, body = ask(server, sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    assert set(body) == {"error", "code", "hint"}
    assert isinstance(body["error"], str)
    assert body["error"].endswith(body["hint"])


def test_b01_on_own_routes_the_error_is_an_object(server: InProcessServer) -> None:
    _, _, body = ask(server, request(FEEDBACK, b"{", CLOSE))
    assert set(body["error"]) == {"code", "message", "hint"}


def test_b03_null_means_absent(server: InProcessServer) -> None:
    body = json.loads(BODY)
    body["inputs"][0]["parameters"] = None
    for more in ({"id": None}, {"outputs": None}, {"parameters": None}):
        assert ask(server, request(INFER, json.dumps({**body, **more}).encode(), CLOSE))[0] == 200
    outputs = [{"name": "label", "parameters": None}]
    sent = json.dumps({**body, "outputs": outputs}).encode()
    assert ask(server, request(INFER, sent, CLOSE))[0] == 200


def test_b04_records_may_have_their_keys_in_any_order(server: InProcessServer) -> None:
    setosa = {
        "sepal_length": 5.1,
        "sepal_width": 3.5,
        "petal_length": 1.4,
        "petal_width": 0.2,
    }
    virginica = dict(zip(reversed(setosa), (2.5, 6.0, 3.3, 6.3), strict=True))
    sent = json.dumps({"dataframe_records": [setosa, virginica]}).encode()
    body = ask(server, request("/invocations", sent, CLOSE))[2]
    assert body == {"predictions": ["setosa", "virginica"]}


ENCODED = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", lambda body: zlib.compress(body)[2:-4]),
    ("identity", bytes),
]


@pytest.mark.parametrize(("encoding", "compress"), ENCODED)
def test_b05_compressed_bodies_are_read(
    server: InProcessServer, encoding: str, compress: Any
) -> None:
    line = f"Content-Encoding: {encoding}"
    for path, body in (
        (INFER, BODY),
        ("/invocations", b'{"instances":[[5.1,3.5,1.4,0.2]]}'),
        (FEEDBACK, b'{"id":"a","label":"setosa"}'),
        ("/v2/models/iris/versions/1/infer", BODY),
    ):
        assert ask(server, request(path, compress(body), CLOSE, line))[0] == 200
    server.check_idle()


@pytest.mark.parametrize("path", [INFER, "/invocations", FEEDBACK])
def test_b05_what_cannot_be_decoded_is_refused(server: InProcessServer, path: str) -> None:
    bomb = gzip.compress(b" " * 40_000_000)
    status, _, body = ask(server, request(path, bomb, CLOSE, "Content-Encoding: gzip"))
    assert (status, "1,000,000 bytes" in str(body)) == (413, True)
    for wrong in (b"", b"{}", gzip.compress(BODY)[:-9], gzip.compress(BODY) + b"more"):
        sent = request(path, wrong, CLOSE, "Content-Encoding: gzip")
        assert ask(server, sent)[0] == 400
    for encoding in ("br", "zstd", "gzip, gzip"):
        status, _, body = ask(server, request(path, BODY, CLOSE, f"Content-Encoding: {encoding}"))
        assert status == 415
        assert "gzip or deflate" in str(body)
    server.check_idle()


@pytest.mark.parametrize("kind", ["image/jpg", "image/jpeg", "image/pjpeg", "IMAGE/JPG; a=b"])
def test_b08_other_names_of_jpeg_are_taken(tmp_path: Path, kind: str) -> None:
    store = LocalBundleStore(tmp_path / "bundles")
    runtime = load_runtime(store, tiny_image_bundle(store))
    file = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), 230, np.uint8)).save(file, "JPEG")
    labels = SqlLabelStore(Database(f"sqlite:///{tmp_path / 'labels.db'}"))
    with serving(tmp_path / "traffic", labels, production=runtime) as server:
        assert ask(server, request(INFER, file.getvalue(), CLOSE, kind=kind))[0] == 200


@pytest.mark.parametrize("path", [INFER, "/v2", "/nothing"])
def test_b10_exactly_one_host(server: InProcessServer, path: str) -> None:
    method = "POST" if path == INFER else "GET"
    body = BODY if method == "POST" else b""
    for lines, host in (((), None), (("Host: localhost",), "localhost"), (("Host: x",), "y")):
        status, _, error = ask(server, request(path, body, *lines, method=method, host=host))
        assert status == 400
        assert "Host" in error["error"]
    old = request(path, body, method=method, host=None).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert not server.exchange(old).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "name",
    [
        "Root=1-67891233-abcdef012345678912345678",
        "aGVsbG8gd29ybGQ=/+==",
        '"quoted"\\back',
        "x" * 256,
        "{a}|~!%b%d",
        "a",
    ],
)
def test_b11_ids_of_other_systems_are_kept(
    server: InProcessServer, folder: Path, name: str
) -> None:
    status, headers, body = ask(server, request(INFER, BODY, CLOSE, f"X-Request-Id: {name}"))
    assert (status, headers["x-request-id"], body["id"]) == (200, name, name)
    own = headers["x-retread-id"]
    sent = json.dumps({**json.loads(BODY), "id": name}).encode()
    assert ask(server, request(INFER, sent, CLOSE))[2]["id"] == name
    assert ask(server, request(INFER, many(2, name), CLOSE))[2]["id"] == name
    until(lambda: any(r.id == own for r in recorded(folder)), "it is recorded")
    assert next(r for r in recorded(folder) if r.id == own).caller_id == name
    found = SegmentTrafficLog(folder / "traffic").find(name)
    assert found is not None


@pytest.mark.parametrize("name", ["two words", "x" * 257, "caf\xe9"])
def test_b11_another_id_is_replaced_and_the_answer_says_by_which(
    server: InProcessServer, name: str
) -> None:
    status, headers, body = ask(server, request(INFER, BODY, CLOSE, f"X-Request-Id: {name}"))
    assert status == 200
    assert headers["x-request-id"] == body["id"] != name
    assert "x-retread-id" not in headers
    sent = json.dumps({**json.loads(BODY), "id": name}).encode()
    status, headers, body = ask(server, request(INFER, sent, CLOSE))
    assert (status, headers["x-request-id"]) == (200, body["id"])
    assert body["id"] != name


def test_b13_only_this_user_may_read_answers_photos_and_labels(
    server: InProcessServer, folder: Path
) -> None:
    ask(server, request(INFER, BODY, CLOSE))
    log = SegmentTrafficLog(folder / "traffic")
    digest = log.put_payload(b"photo").removeprefix("sha256:")
    until(lambda: bool(list((folder / "traffic").glob("w*/*.jsonl"))), "a segment is there")
    private = [
        folder / "retread.db",
        folder / "traffic" / "payloads" / digest[:2] / digest,
        *(folder / "traffic").glob("w*/*.jsonl"),
    ]
    assert {oct(path.stat().st_mode & 0o777) for path in private} == {"0o600"}


def test_a09_the_oldest_idle_connection_gives_way(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = ConnectionLimit(most=20)
    monkeypatch.setattr(server.state, "connections", limit)
    with ExitStack() as stack:
        first = stack.enter_context(server.connected())
        for _ in range(60):
            stack.enter_context(server.connected())
        until(lambda: limit.closed >= 41, "41 have given way")
        assert len(limit) <= 20
        assert b"503" in first.recv(1000)
        for _ in range(5):
            live = request("/v2/health/live", b"", CLOSE, method="GET")
            assert server.exchange(live).startswith(b"HTTP/1.1 200 ")
    until(lambda: len(limit) == 0, "none is left")


def test_a09_requests_that_do_not_arrive_give_way_too(
    server: InProcessServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = ConnectionLimit(most=20)
    monkeypatch.setattr(server.state, "connections", limit)
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(server.connected()).sendall(request(INFER, BODY)[:40])
        until(lambda: limit.closed >= 20, "20 have given way")
        assert server.exchange(request(INFER, BODY, CLOSE)).startswith(b"HTTP/1.1 200 ")
    server.check_idle()


def test_a09_the_limit_is_below_that_of_open_files() -> None:
    from retread.serving.http.connection_limit import MOST, connections_allowed

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 8 <= connections_allowed() <= min(MOST, soft - 48)
