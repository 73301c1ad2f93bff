"""The Open Inference Protocol V2, against a real server."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.serving.running import Server, rows, until

from retread.core import InvalidInput
from retread.serving.client import RequestOptions, ServingClient

SETOSA = (5.1, 3.5, 1.4, 0.2)
VIRGINICA = (6.3, 3.3, 6.0, 2.5)
COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def outputs(body: dict[str, object]) -> dict[str, dict[str, object]]:
    found = body["outputs"]
    assert isinstance(found, list)
    return {output["name"]: output for output in found}


def test_one_row_is_answered_with_probabilities_and_label(iris: Server) -> None:
    answer = iris.infer(rows(SETOSA))
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"model_name", "model_version", "id", "outputs"}
    assert (body["model_name"], body["model_version"]) == ("iris", "1")
    assert outputs(body)["label"] == {
        "name": "label",
        "datatype": "BYTES",
        "shape": [1],
        "data": ["setosa"],
    }
    probabilities = outputs(body)["probabilities"]
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [1, 3])
    assert answer.headers["x-request-id"] == body["id"]
    assert answer.headers["x-retread-slot"] == "production"
    assert answer.headers["x-retread-version"] == "1"
    assert "date" in answer.headers


def test_many_rows_keep_their_order(iris: Server) -> None:
    body = iris.infer(rows(SETOSA, VIRGINICA, SETOSA)).json()
    assert outputs(body)["label"]["data"] == ["setosa", "virginica", "setosa"]
    assert outputs(body)["probabilities"]["shape"] == [3, 3]


def test_nested_data_and_a_tensor_per_column_mean_the_same(iris: Server) -> None:
    flat = iris.infer(rows(SETOSA)).json()["outputs"]
    nested = {"name": "features", "shape": [1, 4], "datatype": "FP64", "data": [list(SETOSA)]}
    by_column = [
        {"name": name, "shape": [1], "datatype": "FP32", "data": [value]}
        for name, value in zip(COLUMNS, SETOSA, strict=True)
    ]
    assert iris.infer({"inputs": [nested]}).json()["outputs"] == flat
    assert iris.infer({"inputs": by_column[::-1]}).json()["outputs"] == flat


def test_only_the_requested_outputs_are_returned(iris: Server) -> None:
    body = iris.infer({**rows(SETOSA), "outputs": [{"name": "label"}]}).json()
    assert list(outputs(body)) == ["label"]
    wrong = iris.infer({**rows(SETOSA), "outputs": [{"name": "labels"}]})
    assert wrong.status_code == 400
    assert "It has: probabilities, label" in wrong.json()["hint"]


def test_a_missing_value_is_null(iris: Server) -> None:
    request = rows((5.1, 3.5, 1.4, 0.2))
    tensor = request["inputs"][0]  # type: ignore[index]  # JSON
    tensor["data"][1] = None
    assert iris.infer(request).status_code == 200


def test_the_request_id_is_that_of_the_body_or_the_header_or_new(iris: Server) -> None:
    both = iris.infer({**rows(SETOSA), "id": "mine-1"}, X_Request_Id="other")
    assert both.json()["id"] == both.headers["x-request-id"] == "mine-1"
    assert iris.infer(rows(SETOSA), X_Request_Id="header-1").json()["id"] == "header-1"
    made = [iris.infer(rows(SETOSA)).json()["id"] for _ in range(3)]
    assert made == sorted(made)
    assert len(set(made)) == 3


def test_a_version_or_the_staging_slot_can_be_requested(iris: Server) -> None:
    pinned = iris.http.post("/v2/models/iris/versions/2/infer", json=rows(SETOSA))
    assert pinned.json()["model_version"] == "2"
    staged = iris.infer(rows(SETOSA), X_Retread_Slot="staging")
    assert staged.headers["x-retread-slot"] == "staging"
    assert outputs(staged.json())["label"]["data"] == ["versicolor"]
    assert iris.http.post("/v2/models/iris/versions/9/infer", json=rows(SETOSA)).status_code == 404


@pytest.mark.parametrize("prefix", ["/v2/models/iris", "/v2/models/iris/versions/1"])
def test_metadata_and_readiness(iris: Server, prefix: str) -> None:
    model = iris.http.get(prefix).json()
    assert model["name"] == "iris"
    assert model["versions"] == ["1", "2"]
    assert model["inputs"][0]["shape"] == [-1, 4]
    assert [output["name"] for output in model["outputs"]] == ["probabilities", "label"]
    assert iris.http.get(f"{prefix}/ready").json()["ready"] is True
    assert iris.http.get("/v2").json()["name"] == "retread"
    assert iris.http.get("/v2/health/live").status_code == 200
    assert iris.http.get("/v2/health/ready").status_code == 200


def test_mlflow_requests_are_understood(iris: Server) -> None:
    for body in (
        {"inputs": [list(SETOSA)]},
        {"instances": [list(SETOSA)]},
        {"dataframe_split": {"columns": list(COLUMNS), "data": [list(SETOSA)]}},
        {"dataframe_records": [dict(zip(COLUMNS, SETOSA, strict=True))]},
    ):
        assert iris.http.post("/invocations", json=body).json() == {"predictions": ["setosa"]}
    assert iris.http.post("/invocations", json={"rows": []}).status_code == 400
    assert iris.http.get("/ping").status_code == 200
    assert iris.http.get("/version").text == "0.1.0"


def test_every_response_is_recorded_under_its_id(iris: Server) -> None:
    log = iris.served.traffic
    name = iris.infer(rows(SETOSA, VIRGINICA), X_Retread_Key="line-7").json()["id"]
    until(lambda: log.find(f"{name}.1") is not None, "the answer is recorded")
    record = log.find(name)
    assert record is not None
    assert record.answer is not None
    assert (record.key, record.status, record.answer.version) == ("line-7", 200, 1)
    assert record.answer.bundle == iris.served.bundle_of[1]
    assert record.numeric == pytest.approx(dict(zip(COLUMNS, SETOSA, strict=True)), rel=1e-6)
    assert sum(record.answer.outputs) == pytest.approx(1.0)
    refused = iris.infer({"inputs": []}, X_Request_Id="refused-1")
    assert refused.status_code == 400
    until(lambda: log.find("refused-1") is not None, "the refusal is recorded")
    found = log.find("refused-1")
    assert found is not None
    assert (found.status, found.answer) == (400, None)


def test_feedback_is_joined_by_id(iris: Server) -> None:
    def feedback(name: str, label: str) -> Any:
        sent = {"id": name, "label": label}
        return iris.http.post("/v2/models/iris/feedback", json=sent).json()

    accepted = {"accepted": 1, "waiting": [], "unknown_labels": []}
    name = iris.infer(rows(SETOSA)).json()["id"]
    assert feedback(name, "setosa") == accepted
    assert iris.served.labels.get([name]) == {name: "setosa"}
    assert feedback(name, "rose") == {**accepted, "unknown_labels": ["rose"]}
    assert iris.infer(rows(SETOSA), x_request_id='"order"-17').status_code == 200
    assert feedback('"order"-17', "setosa") == accepted
    assert feedback('"order"-18', "setosa") == {**accepted, "waiting": ['"order"-18']}


def test_metrics_count_the_responses(iris: Server) -> None:
    before = _answered(iris)
    for _ in range(5):
        iris.infer(rows(SETOSA))
    assert _answered(iris) == before + 5


def test_pipelined_requests_are_answered_in_order(iris: Server) -> None:
    """Also with another route between two infer requests."""
    body = json.dumps(rows(SETOSA)).encode()
    infer = (
        b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\n"
        b"x-request-id: %b\r\ncontent-length: %d\r\n\r\n%b"
    )
    parts = [infer % (b"a", len(body), body), infer % (b"b", len(body), body)]
    parts.append(b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
    parts.append(infer % (b"c", len(body), body))
    parts.append(b"GET /v2 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    received = _sent(iris, b"".join(parts))
    positions = [
        received.find(word)
        for word in (b'"id":"a"', b'"id":"b"', b'"live":true', b'"id":"c"', b'"name":"retread"')
    ]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_a_request_in_pieces_and_one_that_expects_100_continue(iris: Server) -> None:
    body = json.dumps(rows(SETOSA)).encode()
    host, port = iris.address.removeprefix("http://").split(":")
    head = (
        b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
        b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    ) % len(body)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for byte in head:
            connection.sendall(bytes([byte]))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body[:20])
        connection.sendall(body[20:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_the_client_understands_the_server(iris: Server) -> None:
    with ServingClient(iris.address, "iris") as client:
        row = dict(zip(COLUMNS, SETOSA, strict=True))
        first, second = client.predict([row, row])
        assert (first.label, first.model_version, first.slot) == ("setosa", 1, "production")
        assert second.id == f"{first.id}.1"
        assert client.feedback_many([(first.id, "setosa"), (second.id, "setosa")]).accepted == 2


def test_the_client_takes_rows_in_many_forms(iris: Server) -> None:
    with ServingClient(iris.address, "iris") as client:
        row = dict(zip(COLUMNS, SETOSA, strict=True))
        options = RequestOptions(request_id="client-1", key="k", version=2)
        single = [
            client.predict(sepal_length=5.1, sepal_width=3.5, petal_length=1.4, petal_width=0.2),
            client.predict(row),
            client.predict(SETOSA),
            client.predict(np.array(SETOSA)),
        ]
        assert [prediction.label for prediction in single] == ["setosa"] * 4
        assert single[0].probabilities["setosa"] == single[0].confidence
        several = client.predict(np.array([SETOSA, VIRGINICA])), client.predict([list(SETOSA)])
        assert [p.label for some in several for p in some] == ["setosa", "virginica", "setosa"]
        pinned = client.predict(SETOSA, options=options)
        assert pinned.model_version == 2
        client.feedback(pinned.id, "setosa")
        staged = client.predict(row, options=RequestOptions(slot="staging"))
        assert (staged.label, staged.model_version, staged.slot) == ("versicolor", 2, "staging")
        assert staged.probabilities["versicolor"] == staged.confidence
        wrong: Any
        for wrong in ([], None, 3):
            with pytest.raises(InvalidInput):
                client.predict(wrong)
        with pytest.raises(InvalidInput, match="has no column 'petal_width'"):
            client.predict(sepal_length=1.0, sepal_width=1.0, petal_length=1.0)
    assert iris.served.labels.get([pinned.id]) == {pinned.id: "setosa"}
    until(lambda: iris.served.traffic.find("client-1") is not None, "the answer is recorded")
    record = iris.served.traffic.find("client-1")
    assert record is not None
    assert (record.id, record.caller_id) == (pinned.id, "client-1")


def test_the_client_takes_images_as_bytes_and_paths(images: Server, tmp_path: Path) -> None:
    path = tmp_path / "bright.png"
    Image.new("RGB", (40, 40), (230, 230, 230)).save(path)
    with ServingClient(images.address, "iris") as client:
        predictions = [client.predict(path), client.predict(str(path))]
        predictions += client.predict([path.read_bytes(), path.read_bytes()])
        assert [prediction.label for prediction in predictions] == ["bright"] * 4
        for wrong in (b"not an image", tmp_path / "missing.png"):
            with pytest.raises(InvalidInput, match="cannot be read"):
                client.predict(wrong)
        with pytest.raises(InvalidInput, match="takes images"):
            client.predict(sepal_length=5.1)


def _answered(server: Server) -> float:
    lines = server.http.get("/metrics").text.splitlines()
    wanted = 'retread_requests_total{slot="production",status="200",version="1",worker="0"}'
    return next((float(line.split()[-1]) for line in lines if line.startswith(wanted)), 0.0)


def _sent(server: Server, content: bytes) -> bytes:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(content)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received
