"""The client: what it takes, and servers that fail."""

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
ACCEPTED = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"accepted":1}'


@contextmanager
def answering(*connections: Sequence[bytes]) -> Iterator[str]:
    """Serve these responses on the first, second, ... connection, and close each afterwards."""
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


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    with answering([ACCEPTED], [ACCEPTED]) as address, ServingClient(address, "tires") as client:
        assert client.feedback_many([("r1", "good")]) == 1
        assert client.feedback_many([("r2", "good")]) == 1


def test_a_server_that_closes_the_connection_at_once_is_unavailable() -> None:
    with (
        answering([b""]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(Unavailable, match=r"did not respond.*retread up"),
    ):
        client.feedback("r1", "good")


def test_another_kind_of_server_is_recognised() -> None:
    with (
        answering([OTHER]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(Unavailable, match="is not Retread"),
    ):
        client.metadata()


def test_an_error_keeps_its_kind() -> None:
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n" % len(UNKNOWN)
    with (
        answering([head + UNKNOWN]) as address,
        ServingClient(address, "tires") as client,
        pytest.raises(NotFound, match="No model"),
    ):
        client.metadata()
