"""The client: what it takes, and servers that fail."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retread.core import InvalidInput, NotFound, Unavailable
from retread.serving.client import RequestOptions, ServingClient
from retread.serving.prediction import Prediction

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


class FakeServer:
    """A server of versions with labels, and columns, of their own; the last label is likeliest.

    `requests` are the bodies that it was sent, and None for a request without one.
    """

    def __init__(self) -> None:
        self.slots = {"production": 1, "staging": 2}
        self.labels = {1: ["good", "bad"], 2: ["bad", "good"], 3: ["bad", "fair", "good"]}
        self.columns = {1: ["a", "b"], 2: ["a", "c"], 3: ["c"]}
        self.requests: list[Any] = []

    def answer(self, path: str, slot: str, body: Any) -> tuple[int, str, object]:
        """Return the status, the slot and the body of a response."""
        self.requests.append(body)
        version = self.slots[slot]
        if "/versions/" in path:
            version = int(path.split("/versions/")[1].split("/")[0])
        slot = next((name for name, number in self.slots.items() if number == version), "")
        if not slot:
            return 404, "", {"error": {"message": f"No version {version}.", "hint": ""}}
        if body is None:
            return 200, slot, self.description(version, slot)
        if isinstance(body, list):
            return 200, slot, {"accepted": len(body)}
        names = [tensor["name"] for tensor in body["inputs"]]
        if names not in (self.columns[version], ["features"]):
            return 400, slot, {"error": {"message": "Other columns.", "hint": ""}}
        labels = self.labels[version]
        numbers = [0.1] * (len(labels) - 1) + [0.5]
        tensors: list[dict[str, object]] = [
            {"name": "probabilities", "shape": [1, len(labels)], "data": numbers},
            {"name": "label", "shape": [1], "data": [labels[-1]]},
        ]
        return 200, slot, {"id": "r", "model_version": str(version), "outputs": tensors}

    def description(self, version: int, slot: str) -> dict[str, object]:
        columns = {"parameters": {"columns": self.columns[version]}}
        return {
            "versions": [str(number) for number in self.slots.values()],
            "inputs": [{"name": "features", "datatype": "FP32", **columns}],
            "parameters": {
                "version": version,
                "slot": slot,
                "labels": self.labels[version],
                "rules": [{"name": n, "kind": "number"} for n in self.columns[version]],
            },
        }


@pytest.fixture
def fake() -> FakeServer:
    return FakeServer()


@pytest.fixture
def client(fake: FakeServer) -> Iterator[ServingClient]:
    """Serve `fake`, and yield a client of it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", "0")))
            asked = self.headers.get("x-retread-slot", "production")
            status, slot, body = fake.answer(
                self.path, asked, json.loads(content) if content else None
            )
            encoded = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(encoded)))
            self.send_header("x-retread-slot", slot)
            self.end_headers()
            self.wfile.write(encoded)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with ServingClient(f"http://127.0.0.1:{server.server_port}", "tires") as client:
            yield client
        server.shutdown()
        thread.join()


def sent(fake: FakeServer) -> list[float | None]:
    """Return the data of the first tensor that was sent last."""
    data: list[float | None] = next(filter(None, fake.requests[::-1]))["inputs"][0]["data"]
    return data


def test_labels_are_those_of_the_version_that_answered(
    fake: FakeServer, client: ServingClient
) -> None:
    assert client.predict([1.0, 2.0]).probabilities == {"good": 0.1, "bad": 0.5}
    staged = client.predict([1.0, 2.0], options=RequestOptions(slot="staging"))
    assert (staged.label, staged.probabilities) == ("good", {"bad": 0.1, "good": 0.5})
    fake.slots = {"production": 3}
    promoted = client.predict([1.0, 2.0])
    assert (promoted.label, promoted.confidence) == ("good", 0.5)
    assert promoted.probabilities == {"bad": 0.1, "fair": 0.1, "good": 0.5}
    assert client.metadata()["parameters"]["version"] == 3
    described = len(fake.requests)
    client.predict([1.0, 2.0])
    client.metadata()
    assert len(fake.requests) == described + 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_the_label_is_right_without_a_fitting_description(
    fake: FakeServer, client: ServingClient, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    def described(version: int, slot: str) -> dict[str, object]:
        return {"parameters": {"version": version, "slot": slot, "labels": ["other"]}}

    def answer(path: str, slot: str, body: Any) -> tuple[int, str, object]:
        return FakeServer.answer(fake, path if body else "/versions/9", slot, body)

    replaced = ("answer", answer) if is_gone else ("description", described)
    monkeypatch.setattr(fake, *replaced)
    prediction = client.predict([1.0, 2.0])
    assert (prediction.label, prediction.confidence) == ("bad", 0.5)
    assert prediction.probabilities == {}


def test_columns_are_those_of_the_version_that_is_to_answer(
    fake: FakeServer, client: ServingClient
) -> None:
    row = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert client.predict(row).model_version == 1
    for options in (RequestOptions(slot="staging"), RequestOptions(version=2)):
        assert client.predict(row, options=options).model_version == 2
    fake.slots = {"production": 3}
    assert client.predict({"c": 3.0}).model_version == 3
    with pytest.raises(InvalidInput, match="Row 1 has no column 'c'"):
        client.predict({"a": 1.0})


def test_missing_values_are_null_in_every_form(fake: FakeServer, client: ServingClient) -> None:
    row: Any
    for row in (
        [None, 1.5],
        [pd.NA, np.float32(1.5)],
        np.array([np.nan, 1.5]),
        pd.Series([np.nan, 1.5]),
        (np.float32("nan"), np.float16(1.5)),
    ):
        assert isinstance(client.predict(row), Prediction)
        assert sent(fake) == [None, 1.5]
    row = (None, "1,5")
    assert isinstance(client.predict(row), Prediction)
    texts: list[Any] = sent(fake)
    assert texts == [None, "1,5"], "text is read by the server"
    frame = pd.DataFrame({"a": [pd.NA], "b": [2.0]})
    for row in (frame.iloc[0], {"a": pd.NaT, "b": 2}, {"a": "", "b": np.int64(2)}):
        assert isinstance(client.predict(row), Prediction)
        assert [tensor["data"] for tensor in fake.requests[-1]["inputs"]] == [[None], [2.0]]
    for row in (frame, [frame.iloc[0]]):
        assert [one.label for one in client.predict(row)] == ["bad"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1.0, math.inf], "Feature 2 has the value inf in row 1"),
        (np.array([[1.0, 2.0], [-np.inf, 2.0]]), "Feature 1 has the value -inf in row 2"),
        (
            [{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": math.inf}],
            "Column 'b' has the value inf in row 2",
        ),
        (pd.DataFrame({"a": [1.0], "b": ["-Infinity"]}), "'b' has the value '-Infinity' in row 1"),
        ([1.0, True], "Feature 2 has the value True"),
        (np.array([False, True]), "Feature 1 has the value False"),
        ([1.0, 10**400], "Feature 2 has the value 1000.*… in row 1"),
        ([1.0, 10**5000], "Feature 2 has the value <int>"),
        ([1.0, [2.0]], r"Feature 2 has the value \[2.0\]"),
        ({"a": np.array([1.0]), "b": 1.0}, "'a' has the value array"),
        ([{1.0, 2.0}], r"Row 1 is \{1.0, 2.0\}.*list of numbers"),
        ({1.0, 2.0}, r"\{1.0, 2.0\} cannot be predicted"),
        ([[1.0, 2.0], "tire.png"], "Row 2 is 'tire.png'"),
        ([{1: 2.0}], "Row 1 has no column 'a'; it has: 1"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(
    fake: FakeServer, client: ServingClient, data: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        client.predict(data)
    assert not any(fake.requests)


def test_labels_of_numpy_are_recorded(fake: FakeServer, client: ServingClient) -> None:
    labels: list[Any] = [np.str_("good"), np.float32(1.5), np.int64(2), np.bool_(True)]
    assert client.feedback_many([("r", label) for label in labels]).accepted == 4
    assert [one["label"] for one in fake.requests[-1]] == ["good", 1.5, 2, True]


@pytest.mark.parametrize(
    "wrong",
    ["ab", 5, ("r",), ("r", None), (1, "good"), ("r", math.nan), ("r", 10**30)],
)
def test_a_wrong_pair_of_feedback_is_named(
    fake: FakeServer, client: ServingClient, wrong: Any
) -> None:
    with pytest.raises(InvalidInput, match="Pair 2 is "):
        client.feedback_many([("r", "good"), wrong])
    assert fake.requests == []


def test_what_cannot_be_sent_is_refused_before() -> None:
    wrong: Any
    for wrong in (0, -1.0, math.nan, math.inf, "5", None, True):
        with pytest.raises(InvalidInput, match="timeout_s is "):
            ServingClient("http://127.0.0.1:1", "tires", timeout_s=wrong)
    with pytest.raises(InvalidInput, match="not a valid model name"):
        ServingClient("http://127.0.0.1:1", "my tires")
    make: Callable[..., RequestOptions] = RequestOptions
    for name, wrong in (
        ("request_id", "a b"),
        ("request_id", 7),
        ("key", "a\r\nx-evil: 1"),
        ("key", "\N{SNOWMAN}"),
        ("slot", "shadow"),
        ("version", 0),
        ("version", "1/../2"),
    ):
        with pytest.raises(InvalidInput):
            make(**{name: wrong})
    wrong = {"slot": "staging"}
    with ServingClient("http://127.0.0.1:1", "tires") as client:
        for data in ([[1.0]], []):
            with pytest.raises(InvalidInput, match="RequestOptions"):
                client.predict(*data, options=wrong)


def test_a_prediction_shows_itself() -> None:
    shown = Prediction(
        id="r1", model_version=2, slot="production", label="<b>", probabilities={"<b>": 0.75}
    )
    assert "<td>&lt;b&gt;</td>" in shown._repr_html_()
    assert "probability of <b>  75.0%" in str(shown)
    assert "value    3.5" in str(Prediction(id="r1", model_version=2, slot="production", value=3.5))


def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    with answering([ACCEPTED], [ACCEPTED]) as address, ServingClient(address, "tires") as client:
        assert client.feedback_many([("r1", "good")]).accepted == 1
        assert client.feedback_many([("r2", "good")]).accepted == 1


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
