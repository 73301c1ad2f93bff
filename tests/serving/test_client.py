"""The client, against servers that are not what it hoped for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from retread.core import NotFound, Unavailable
from retread.serving.client import ServingClient

OTHER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html"
UNKNOWN = b'{"error":{"code":"not_found","message":"No model.","hint":"Name another."}}'
TAKEN = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"accepted":1}'


@contextmanager
def answering(*connections: Sequence[bytes]) -> Iterator[str]:
    """A server that says these things on its first, second, ... connection, then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answers in connections:
                connection, _ = listener.accept()
                with connection:
                    for answer in answers:
                        connection.recv(65_536)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    with answering([TAKEN], [TAKEN]) as address, ServingClient(address, "tires") as client:
        assert client.feedback([("r1", "good")]) == 1
        assert client.feedback([("r2", "good")]) == 1


def test_a_server_that_hangs_up_at_once_is_unavailable() -> None:
    with (
        answering([b""]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        client.feedback([("r1", "good")])


def test_another_server_is_not_taken_for_ours() -> None:
    with (
        answering([OTHER]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(Unavailable, match="is not Retread"),
    ):
        client.metadata()


def test_a_refusal_keeps_its_meaning() -> None:
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n" % len(UNKNOWN)
    with (
        answering([head + UNKNOWN]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(NotFound, match="No model"),
    ):
        client.metadata()
