"""Several requests on one connection: all answered, in order, and the last says it is the last."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.bundles import iris_bundle, slow_bundle
from tests.serving.running import Served, Server, rows, running, until

BODY = json.dumps(rows((5.1, 3.5, 1.4, 0.2))).encode()
LIVE = b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
GARBAGE = b"LICENSE\r\n\r\n"


def infer(name: str, body: bytes = BODY, more: bytes = b"") -> bytes:
    head = (
        b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\n"
        b"x-request-id: %b\r\ncontent-length: %d\r\n%b\r\n"
    )
    return head % (name.encode(), len(body), more) + body


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection


def answers(connection: socket.socket) -> list[bytes]:
    """Return all responses until the server has closed the connection."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return [b"HTTP/1.1 " + one for one in received.split(b"HTTP/1.1 ")[1:]]


def statuses(found: list[bytes]) -> list[int]:
    return [int(one.split()[1]) for one in found]


def check_end(found: list[bytes]) -> None:
    """Check that the last response says `connection: close`, and no other does."""
    assert [b"connection: close" in one for one in found] == [False] * (len(found) - 1) + [True]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([infer("a"), infer("b", more=b"x-retread-slot: nowhere\r\n")], [200, 400]),
        ([infer("a"), infer("b"), GARBAGE], [200, 200, 400]),
        ([infer("a"), infer("b", b"", b"transfer-encoding: nonsense\r\n")], [200, 400]),
        ([LIVE, GARBAGE], [200, 400]),
        ([LIVE, LIVE, infer("a"), GARBAGE], [200, 200, 200, 400]),
        ([infer("a"), LIVE, GARBAGE], [200, 200, 400]),
        ([infer("a"), infer("b", bytes(1_000_001))[:300]], [200, 413]),
        ([infer("a"), infer("b", b"{}"), infer("c"), GARBAGE], [200, 400, 200, 400]),
        ([GARBAGE], [400]),
    ],
    ids=[
        "unknown slot",
        "garbage after two",
        "unknown transfer-encoding",
        "garbage after ASGI",
        "garbage after ASGI and infer",
        "garbage after infer and ASGI",
        "too large",
        "a refusal in between",
        "garbage only",
    ],
)
def test_a_refusal_waits_for_its_turn(
    iris: Server, parts: list[bytes], expected: list[int]
) -> None:
    with connected(iris) as connection:
        connection.sendall(b"".join(parts))
        found = answers(connection)
    assert statuses(found) == expected
    check_end(found)


def test_requests_after_the_last_one_are_ignored(iris: Server) -> None:
    with connected(iris) as connection:
        last = infer("last", more=b"connection: close\r\n")
        connection.sendall(infer("first") + last + infer("beyond"))
        found = answers(connection)
    assert statuses(found) == [200, 200]
    check_end(found)
    log = iris.served.traffic
    until(lambda: log.find("last") is not None, "the last answer is recorded")
    assert log.find("beyond") is None


def test_a_client_that_is_still_sending_gets_its_refusal(iris: Server) -> None:
    """Closing at once would reset the connection, and lose the response."""
    with connected(iris) as connection:
        connection.sendall(infer("a", bytes(1_000_001))[:300])
        connection.sendall(bytes(900_000))
        found = answers(connection)
        assert statuses(found) == [413]


@pytest.mark.slow
def test_a_draining_server_answers_all_requests_and_then_closes(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    server = Server(served, environment={})
    with connected(server) as connection, connected(server) as other, connected(server) as third:
        for one in (connection, other, third):
            one.sendall(infer("before"))
            assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.http.get("/v2/health/ready").status_code == 503, "it drains")
        connection.sendall(infer("a") + infer("b") + infer("c"))
        found = answers(connection)
        other.sendall(infer("d") + LIVE + infer("e")[:-5])
        other.sendall(infer("e")[-5:])
        more = answers(other)
        third.sendall(infer("wrong", b"{") + infer("behind"))
        ended = answers(third)
    assert server.stop() == 0
    assert statuses(found) == [200, 200, 200]
    check_end(found)
    assert statuses(more) == [200, 200, 200]
    assert all(served.traffic.find(name) for name in "abcde")
    # A request that was not answered was not scored either.
    assert statuses(ended) == [400]
    check_end(ended)
    assert served.traffic.find("behind") is None
    served.database.close()


@pytest.mark.slow
def test_requests_being_scored_when_the_server_drains_are_answered(served: Served) -> None:
    served.assign(1, slow_bundle(served.bundles, products=12))
    server = Server(served, environment={})
    with connected(server) as connection:
        connection.sendall(infer("a") + infer("b"))
        pending = 'retread_pending{worker="0"} 2.0'
        until(lambda: pending in server.http.get("/metrics").text, "both are with the model")
        server.process.send_signal(signal.SIGTERM)
        found = answers(connection)
    assert server.stop() == 0
    assert statuses(found) == [200, 200]
    check_end(found)
    served.database.close()


@pytest.mark.slow
def test_requests_beyond_max_pending_get_503(tmp_path: Path) -> None:
    served = Served.make(tmp_path, "[serving]\nmax_pending = 2\n")
    served.assign(1, slow_bundle(served.bundles, products=1))
    with running(served) as server, connected(server) as connection:
        names = ("a", "b", "c", "d")
        end = infer("e", more=b"connection: close\r\n")
        connection.sendall(b"".join(infer(name) for name in names) + end)
        found = answers(connection)
        assert statuses(found) == [200, 200, 503, 503, 503]
        assert all(b"retry-after: 1\r\n" in one for one in found[2:])


def test_the_bodies_of_all_connections_are_limited_in_all(iris: Server) -> None:
    """Sixteen of the largest size; released ones make room."""
    with ExitStack() as stack:
        for number in range(16):
            connection = stack.enter_context(connected(iris))
            connection.sendall(infer(f"held-{number}", bytes(1_000_000))[:-10])
        until(lambda: large(iris).status_code == 503, "the bound is reached")
        refused = large(iris)
        assert refused.headers["retry-after"]
        assert "bytes are already waiting" in refused.json()["error"]
        feedback = iris.http.post(
            "/v2/models/iris/feedback",
            content=bytes(900_000),
            headers={"x-request-id": "f1", "content-type": "application/json"},
        )
        assert feedback.status_code == 503
        assert feedback.headers["x-request-id"] == "f1"
        assert iris.infer(rows((5.1, 3.5, 1.4, 0.2))).status_code == 200
    until(lambda: large(iris).status_code == 400, "there is room again")


def large(server: Server) -> httpx.Response:
    return server.http.post(
        "/v2/models/iris/infer",
        content=b"[" + b" " * 900_000,
        headers={"content-type": "application/json"},
    )
