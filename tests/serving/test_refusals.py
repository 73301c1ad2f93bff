"""What a client can get wrong: one shape of errors, the right status, never a 5xx."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving.running import Server, rows

GOOD = rows((5.1, 3.5, 1.4, 0.2))
JSON = {"content-type": "application/json"}
INFER = "/v2/models/iris/infer"


def tensor(**changes: Any) -> dict[str, Any]:
    features = {
        "name": "features",
        "shape": [1, 4],
        "datatype": "FP32",
        "data": [5.1, 3.5, 1.4, 0.2],
    }
    return {"inputs": [{**features, **changes}]}


CASES: list[tuple[object, str]] = [
    (b"", "not valid JSON"),
    (b"{", "not valid JSON"),
    (b"\xff\xfe", "not valid JSON"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"inputs":' + b'{"a":' * 20_000, "nested too deeply"),
    (b'{"inputs": [], "inputs": []}', "the key 'inputs' twice"),
    (json.dumps(GOOD).replace('"data"', '"data": [1], "data"').encode(), "the key 'data' twice"),
    (json.dumps(GOOD).replace("5.1", "NaN").encode(), "NaN is not JSON"),
    (json.dumps(GOOD).replace("5.1", "Infinity").encode(), "Infinity is not JSON"),
    (json.dumps(GOOD).replace("5.1", "1e999").encode(), "beyond 32-bit"),
    (json.dumps(GOOD).replace("5.1", "1e39").encode(), "beyond 32-bit"),
    (json.dumps(GOOD).replace("5.1", "9" * 5000).encode(), "integer of too many digits"),
    (json.dumps(GOOD).replace("5.1", "1" + "0" * 400).encode(), "Row 1, column 'sepal_length': 1"),
    ([], "not an inference request"),
    ({}, "missing required field `inputs`"),
    ({"inputs": []}, "no inputs"),
    ({"inputs": [1]}, "$.inputs[0]"),
    (tensor(datatype="BYTES", data=["5", "x", "1", "0"]), "'sepal_width': 'x' is not a finite"),
    (tensor(datatype="BYTES", data=["5", "2_1.5", "1", "0"]), "'2_1.5' is not a finite number"),
    (tensor(datatype="BYTES", data=["5", "inf", "1", "0"]), "'inf' is not a finite number"),
    (tensor(datatype="BOOL"), "does not hold truth values: row 1 has 5.1"),
    (tensor(datatype="FP31"), "has datatype 'FP31'"),
    (tensor(shape=[1, 3], data=[1, 2, 3]), "has shape [1, 3]"),
    (tensor(shape=[4]), "has shape [4]"),
    (tensor(shape=[]), "has shape []"),
    (tensor(shape=[-1, 4]), "has shape [-1, 4]"),
    (tensor(shape=[0, 4], data=[]), "features [0, 4]"),
    (tensor(shape=[1, 2**63]), "has shape [1, 9223372036854775808]"),
    (tensor(name="image", datatype="BYTES", shape=[1] + [10**200] * 99), "has shape [1, 1000000"),
    (tensor(name="x" * 900_000), "'xxxxx"),
    ({"inputs": [{**tensor()["inputs"][0], "name": f"x{i}"} for i in range(5000)]}, "4988 more"),
    (b"\xef\xbb\xbf{", "not valid JSON"),
    (json.dumps(tensor(datatype="BYTES", data=["\udc00"] * 4)).encode(), "pair, '\\udc00'"),
    (json.dumps(GOOD).replace("inputs", r"\ud9abx").encode(), "half of a surrogate pair"),
    (tensor(shape=[2, 4]), "has 4 elements"),
    (tensor(data=[1, 2, 3]), "has 3 elements"),
    (tensor(data=[[1, 2], [3, 4]]), "not nested as its shape says"),
    (tensor(data=[1, 2, 3, "4"]), "does not hold numbers"),
    (tensor(data=[1, 2, 3, True]), "does not hold numbers"),
    (tensor(data=[1, 2, 3, {}]), "does not hold numbers"),
    (tensor(data="abcd"), "$.inputs[0].data"),
    (tensor(name="fetures"), "Send exactly: sepal_length, sepal_width, petal_length, petal_width"),
    ({"inputs": tensor()["inputs"] * 2}, "has the tensor 'features' twice"),
    ({**tensor(), "id": "\ud800"}, "not valid JSON"),
    ({**tensor(), "outputs": [{"name": "probability"}]}, "no output 'probability'"),
    ({**tensor(), "outputs": [{"name": "label"}] * 20_000}, "has an output twice"),
]


@pytest.mark.parametrize(("body", "message"), CASES, ids=[message for _, message in CASES])
def test_wrong_bodies_get_400_and_say_why(iris: Server, body: object, message: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = iris.http.post(INFER, content=content, headers=JSON)
    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert set(error) == {"error", "code", "hint"}
    assert message in error["error"]
    assert error["error"].endswith(error["hint"])
    assert len(answer.content) < 10_000
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v2/models/roses/infer", {}, 404),
        ("POST", "/v2/models/iris/versions/7/infer", {}, 404),
        ("POST", "/v2/models/iris/versions/0/infer", {}, 404),
        ("POST", "/v2/models/iris/versions/99999999999/infer", {}, 404),
        ("POST", "/v2/models/..%2f..%2fetc/infer", {}, 404),
        ("POST", "/v2/models/iris%00/infer", {}, 404),
        ("POST", "/v2/models/iris;a=b/infer", {}, 404),
        ("POST", "/nothing", {}, 404),
        ("GET", "/", {}, 404),
        ("GET", INFER, {}, 405),
        ("DELETE", INFER, {}, 405),
        ("POST", "/v2", {}, 405),
        ("POST", INFER, {"content-type": "text/plain"}, 415),
        ("POST", INFER, {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("POST", INFER, {"x-retread-slot": "canary"}, 400),
        ("POST", INFER, {"content-type": "image/jpeg"}, 400),
    ],
    ids=str,
)
def test_wrong_paths_methods_and_headers(
    iris: Server, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    content = json.dumps(GOOD).encode() if method == "POST" else b""
    answer = iris.http.request(method, path, content=content, headers={**JSON, **headers})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "code", "hint"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[1]", b'{"id":"a"}', b'{"id":"a b","label":"setosa"}', b'{"id":1,"label":"x"}'],
)
def test_wrong_feedback(iris: Server, body: bytes) -> None:
    answer = iris.http.post("/v2/models/iris/feedback", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_large_body_is_refused_before_it_is_read(iris: Server) -> None:
    answer = iris.http.post(INFER, content=b" " * 1_500_000, headers=JSON)
    assert answer.status_code == 413
    assert "1,000,000 bytes" in answer.json()["error"]
    for path in (INFER, "/v2/models/iris/feedback", "/invocations"):
        chunks = (b" " * 100_000 for _ in range(30))
        try:
            chunked = iris.http.post(path, content=chunks, headers=JSON)
        except OSError:
            continue
        assert chunked.status_code == 413
    assert iris.infer(GOOD).status_code == 200


def test_a_large_content_length_is_refused(iris: Server) -> None:
    head = f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n"
    assert b" 413 " in _raw(iris, head.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /v2 HTTP/1.1\r\nhost: localhost\r\nheader: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    ],
    ids=[
        "not HTTP",
        "TLS",
        "long header",
        "long path",
        "negative content-length",
        "two content-lengths",
    ],
)
def test_what_is_not_http_gets_400(iris: Server, content: bytes) -> None:
    received = _raw(iris, content)
    assert b" 400 " in received.split(b"\r\n")[0]
    assert b'"error"' in received


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200))
def test_no_bytes_make_the_server_fail(iris: Server, body: bytes) -> None:
    answer = iris.http.post(INFER, content=body, headers=JSON)
    assert 400 <= answer.status_code < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
shapes = st.lists(st.integers(-2, 5), max_size=3) | json_values
tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["features", "sepal_length", "image"]) | st.text(max_size=5),
        "shape": shapes,
        "datatype": st.sampled_from(["FP32", "BYTES", "INT64", "UINT8"]) | json_values,
        "data": st.lists(json_values, max_size=6) | json_values,
    }
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    inputs=st.lists(tensors, max_size=3) | json_values,
    more=st.dictionaries(st.sampled_from(["id", "outputs", "parameters"]), json_values),
    path=st.sampled_from([INFER, "/invocations", "/v2/models/iris/feedback"]),
)
def test_no_json_makes_the_server_fail(
    iris: Server, inputs: Any, more: dict[str, Any], path: str
) -> None:
    content = json.dumps({"inputs": inputs, **more}).encode()
    answer = iris.http.post(path, content=content, headers=JSON)
    assert answer.status_code in (200, 400), answer.text
    assert answer.status_code == 200 or answer.json()["error"]


@pytest.mark.parametrize(
    ("head", "status", "message"),
    [
        ("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: x, chunked", 400, "'x, "),
        ("POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: \tBr,chunked", 400, "Br"),
        ("POST http://evil.example{path} HTTP/1.1\r\nhost: localhost", 403, "'evil.example'"),
        ("GET HTTPS://a@localhost/v2 HTTP/1.1\r\nhost: localhost", 403, "'a@localhost'"),
        ("GET http://localhost.:80/v2 HTTP/1.1\r\nhost: localhost", 403, "'localhost.:80'"),
        ("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 1", 400,
         "Duplicate Content-Length"),
        ("POST {path} HTTP/1.1\r\nhost: localhost\r\ninference-header-content-length: 9"
         "\r\nconnection: close", 400,
         "binary_data=False"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [INFER, "/invocations"])
def test_b10_a06_heads_that_could_mean_something_else_are_refused(
    iris: Server, head: str, path: str, status: int, message: str
) -> None:
    received = _raw(iris, head.format(path=path).encode() + b"\r\n\r\n").decode()
    assert received.startswith(f"HTTP/1.1 {status} ")
    assert message in received


def test_b11_an_id_that_is_no_text_is_replaced(iris: Server) -> None:
    ids: list[Any] = [5, True, [], {}, 1.5, "a\tb", "", "é" * 5, "a" * 257]
    for wrong in ids:
        answer = iris.infer({**GOOD, "id": wrong})
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == answer.headers["x-request-id"]


def test_b03_a_byte_order_mark_is_ignored(iris: Server) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    assert iris.http.post(INFER, content=content, headers=JSON).status_code == 200


def _raw(server: Server, content: bytes) -> bytes:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received
