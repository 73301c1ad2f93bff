from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from retread.core import InvalidInput
from retread.core.http_client import (
    HttpClient,
    NoResponse,
    RequestNotSent,
    parse_http_address,
)


@dataclass
class RecordingServer:
    """Answers every request with what is set here, and records the requests."""

    port: int = 0
    status: int = 200
    body: bytes = b'{"answer": 42}'
    headers: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    received: list[dict[str, str]] = field(default_factory=list)
    clients: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    recorded = RecordingServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            recorded.paths.append(self.path)
            recorded.received.append({k.lower(): v for k, v in self.headers.items()})
            recorded.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            recorded.clients.append(self.client_address[1])
            self.send_response(recorded.status)
            self.send_header("Content-Length", str(len(recorded.body)))
            for name, value in recorded.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(recorded.body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        http_server.daemon_threads = True
        recorded.port = http_server.server_port
        thread = threading.Thread(target=http_server.serve_forever, args=(0.02,))
        thread.start()
        yield recorded
        http_server.shutdown()
        thread.join()


def test_requests_share_one_connection(server: RecordingServer) -> None:
    with HttpClient(server.address, 5) as client:
        first = client.request("GET", "/a?b=c")
        client.request("POST", "/d", b"\x00\xff", {"X-Request-Id": "7"})
    assert (first.status, first.is_success, first.json_object()) == (200, True, {"answer": 42})
    assert server.paths == ["/a?b=c", "/d"]
    assert server.bodies == [b"", b"\x00\xff"]
    assert server.received[1]["x-request-id"] == "7"
    assert len(set(server.clients)) == 1


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b'"text"'])
def test_only_a_json_object_is_one(server: RecordingServer, body: bytes) -> None:
    server.body = body
    with HttpClient(server.address, 5) as client:
        assert client.request("GET", "/").json_object() is None


@pytest.mark.parametrize("status", [302, 404, 500])
def test_every_status_is_a_response_and_no_redirect_is_followed(
    server: RecordingServer, status: int
) -> None:
    server.status, server.headers = status, {"Location": f"{server.address}/elsewhere"}
    with HttpClient(server.address, 5) as client:
        response = client.request("GET", "/here")
    assert (response.status, response.is_success) == (status, False)
    assert response.headers["location"].endswith("/elsewhere")
    assert server.paths == ["/here"]


def test_a_body_that_is_not_wanted_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", 5)
        thread = threading.Thread(
            target=answer_once, args=(listener, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        )
        thread.start()
        response = client.request("GET", "/", read_body=False)
        thread.join()
    assert (response.status, response.body) == (200, b"")


def answer_once(listener: socket.socket, answer: bytes, *, hang_up: bool = False) -> None:
    """Read the head of one request, send `answer`, and wait for the client to close."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65_536)
        connection.sendall(answer)
        if not hang_up:
            connection.settimeout(20)
            connection.recv(1)


def test_a_server_that_is_not_there_was_not_sent_anything() -> None:
    client = HttpClient("http://127.0.0.1:9", 5)
    with pytest.raises(RequestNotSent, match=r"http://127.0.0.1:9 cannot be reached") as caught:
        client.request("GET", "/")
    assert caught.value.reason == "ConnectionRefusedError"


@pytest.mark.parametrize("hang_up", [True, False], ids=["hangs up", "is silent"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome"])
def test_a_request_without_a_complete_response_may_have_arrived(
    hang_up: bool, answer: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=answer_once, args=(listener, answer), kwargs={"hang_up": hang_up}
        )
        thread.start()
        client = HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.3)
        with pytest.raises(NoResponse, match="did not respond"):
            client.request("GET", "/")
        thread.join()


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                answer_once(listener, answer, hang_up=True)

        thread = threading.Thread(target=serve)
        thread.start()
        with HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", 5) as client:
            assert client.request("GET", "/").body == b"ok"
            assert client.request("GET", "/").body == b"ok"
        thread.join()


def test_a_proxy_gets_the_whole_address_and_the_credentials(
    server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "direct.invalid")
    with HttpClient("http://hooks.invalid:8080/ignored", 5, use_proxies=True) as client:
        client.request("POST", "/hook", b"x")
    assert server.paths == ["http://hooks.invalid:8080/hook"]
    assert server.received[0]["host"] == "hooks.invalid:8080"
    assert server.received[0]["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    with pytest.raises(RequestNotSent):
        HttpClient("http://direct.invalid", 5, use_proxies=True).request("GET", "/")
    with HttpClient(server.address, 5) as client:
        client.request("GET", "/no-proxy")
    assert server.paths[-1] == "/no-proxy"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "file:///etc/passwd",
        "https://",
        "http://a b/c",
        "http://x:port",
        "http://x:0",
    ],
)
def test_what_is_not_an_http_address_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(InvalidInput, match="not a valid HTTP address") as refused:
        parse_http_address(address)
    assert not address or address not in str(refused.value)
