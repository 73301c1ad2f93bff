"""The gate in front of a real MLflow server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest
from tests.serving.running import until

from retread.app.supervisor.service import free_port
from retread.app.tracking_gate import is_needed

REFUSED = (
    "/gateway/mlflow/v1/models",
    "/gateway/mlflow/v1/chat/completions",
    "/gateway/openai/v1/embeddings",
    "/gateway/proxy/x/y",
    "/v1/traces",
    "/ajax-api/3.0/jobs/search",
    "/ajax-api/3.0/mlflow/assistant/message",
    "/ajax-api/3.0/mlflow/assistant/config",
    "/ajax-api/3.0/mlflow/assistant/skills/install",
    "/ajax-api/3.0/mlflow/mcp-servers",
    "/api/3.0/mlflow/mcp-servers/a/versions",
    "/ajax-api/3.0/mlflow/gateway/secrets/list",
    "/api/3.0/mlflow/gateway/endpoints/list",
    "/ajax-api/2.0/mlflow/gateway-proxy",
    "/ajax-api/2.0/mlflow/webhooks",
    "/api/2.0/mlflow/webhooks/1/test",
    "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
    "/ajax-api/3.0/mlflow/genai/evaluate/invoke",
    "/ajax-api/3.0/mlflow/scorer/invoke",
    "/ajax-api/3.0/mlflow/prompt-optimization/jobs",
    "/ajax-api/3.0/mlflow/issues/invoke",
    "/ajax-api/3.0/mlflow/demo/generate",
    "/ajax-api/3.0/mlflow/ui-telemetry",
    "/ajax-api/3.0/mlflow/workspaces",
    "/docs",
    "/openapi.json",
    "//gateway/mlflow/v1/models",
    "/static-files/../gateway/mlflow/v1/models",
    "/static-files/..%2fgateway/mlflow/v1/models",
    "/static-files/%2e%2e/gateway/mlflow/v1/models",
    "/ajax-api/2.0/mlflow/runs/../gateway-proxy",
    "/ajax-api/2.0/mlflow/runs//create-promptlab-run",
    "/ajax-api/2.0/mlflow/runs/create-promptlab-run/",
    "/ajax-api/2.0/mlflow/runs/.%5c..%5cgateway-proxy",
)
NEEDED = (
    "/",
    "/health",
    "/version",
    "/graphql",
    "/get-artifact",
    "/static-files/static/js/main.js",
    "/api/2.0/mlflow/experiments/search",
    "/ajax-api/2.0/mlflow/runs/search",
    "/api/2.0/mlflow/registered-models/alias",
    "/ajax-api/2.0/mlflow/logged-models/search",
    "/api/2.0/mlflow-artifacts/artifacts/1/model.onnx",
    "/ajax-api/3.0/mlflow/server-info",
)


@pytest.mark.parametrize("path", NEEDED)
def test_a08_routes_of_the_store_and_its_pages_are_open(path: str) -> None:
    assert is_needed(path)


@pytest.mark.parametrize("path", REFUSED)
def test_a08_other_routes_are_closed(path: str) -> None:
    assert not is_needed(unquote(path))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("tracking")
    (folder / "retread.toml").write_text('[project]\nname = "iris"\n')
    port = free_port()
    command = [sys.executable, "-m", "retread.app.tracking", "--project", str(folder)]
    process = subprocess.Popen(
        [*command, "--port", str(port)], env={**os.environ, "RETREAD_HOME": ""}
    )
    try:
        until(lambda: _listens(port) or process.poll() is not None, "MLflow listens", 120.0)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_a08_mlflow_behind_the_gate(address: str) -> None:
    port = address.rpartition(":")[2]
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        assert client.get("/health").text == "OK"
        assert client.get("/").status_code == 200
        search = "/api/2.0/mlflow/experiments/search"
        found = client.post(search, json={"max_results": 5})
        assert "experiments" in found.json()
        query = {"query": "query Q { __typename }"}
        assert client.post("/graphql", json=query).status_code == 200
        for path in REFUSED:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                answer = client.request(method, path)
                assert answer.status_code == 404, (method, path)
                assert "gateway" not in answer.text or "does not offer" in answer.text
        for host in (f"10.evil.example:{port}", "192.168.0.1.evil.example", "evil.example", ""):
            answer = client.post("/graphql", json=query, headers={"host": host})
            assert answer.status_code in (400, 403), host
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": f"http://10.evil.example:{port}"},
            {"origin": "null"},
            {"origin": "http://localhost:1"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            for path in ("/graphql", search):
                assert client.post(path, json=query, headers=headers).status_code == 403
        own = {"origin": address, "sec-fetch-site": "same-origin"}
        assert client.post("/graphql", json=query, headers=own).status_code == 200
        link = {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}
        assert client.get("/", headers={**link, "sec-fetch-dest": "document"}).status_code == 200
        assert client.get("/", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
