"""Starting and stopping servers, and serving without the database."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from tests.bundles import iris_bundle
from tests.serving.client_load import ClientLoad
from tests.serving.running import Served, Server, rows, running, until

from retread.registry.events import Slot

BODY = rows((5.1, 3.5, 1.4, 0.2))
FORBIDDEN = (
    "mlflow",
    "torch",
    "torchvision",
    "sklearn",
    "joblib",
    "cloudpickle",
    "lance",
    "pandas",
)


@pytest.mark.slow
def test_a_server_without_a_model_runs_and_says_what_to_do(served: Served) -> None:
    with running(served) as server:
        assert server.http.get("/v2/health/live").status_code == 200
        for path in ("/v2/health/ready", "/ping", "/v2/models/iris/ready"):
            answer = server.http.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
        answer = server.infer(BODY)
        assert answer.status_code == 503
        assert "retread promote" in answer.json()["error"]
        served.applied(Slot.PRODUCTION, served.assign(1, iris_bundle(served.bundles)))
        assert server.infer(BODY).status_code == 200
        assert server.http.get("/v2/health/ready").status_code == 200


@pytest.mark.slow
def test_sigterm_loses_no_request_and_exits_with_0(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    server = Server(served, environment={})
    outcomes: list[str] = []
    ending = threading.Event()

    def send() -> None:
        """Send several requests per connection, as clients do, until nothing listens."""
        while not ending.is_set():
            try:
                with httpx.Client(base_url=server.address, trust_env=False) as client:
                    while not ending.is_set():
                        answer = client.post("/v2/models/iris/infer", json=BODY)
                        outcomes.append(str(answer.status_code))
            except httpx.ConnectError:
                return
            except httpx.HTTPError as error:
                outcomes.append(repr(error))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(outcomes) > 50, "requests flow")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    ending.set()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {"200"}
    assert served.servers.live() == ()
    recorded = sum(1 for _ in _records(served))
    assert recorded == len(outcomes)
    server.http.close()
    served.database.close()


@pytest.mark.slow
def test_the_last_known_good_serves_while_the_database_is_unavailable(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    with running(served) as server:
        assert server.infer(BODY).status_code == 200
    home = served.project.home
    names = ["retread.db", "retread.db-wal", "retread.db-shm"]
    hidden = [(home / name, home / f"hidden-{name}") for name in names if (home / name).exists()]
    for path, away in hidden:
        path.rename(away)
    (home / "retread.db").mkdir()
    with running(served) as server:
        answer = server.infer(BODY)
        assert (answer.status_code, answer.json()["model_version"]) == (200, "1")
        feedback = {"id": "r1", "label": "setosa"}
        assert server.http.post("/v2/models/iris/feedback", json=feedback).status_code == 503
        (home / "retread.db").rmdir()
        for path, away in hidden:
            away.rename(path)
        served.applied(Slot.PRODUCTION, served.assign(2, iris_bundle(served.bundles, seed=1)))
        assert server.infer(BODY).json()["model_version"] == "2"


@pytest.mark.slow
def test_no_forbidden_module_is_loaded_by_a_server(served: Served, tmp_path: Path) -> None:
    """In the running process, not only by its source."""
    served.assign(1, iris_bundle(served.bundles))
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import atexit, os, sys\n"
        "atexit.register(lambda: open(os.environ['MODULES'] + str(os.getpid()), 'w')"
        ".write('\\n'.join(sys.modules)))\n"
    )
    found = tmp_path / "modules."
    search_path = os.pathsep.join([str(hook), os.environ.get("PYTHONPATH", "")])
    with running(served, PYTHONPATH=search_path, MODULES=str(found)) as server:
        assert server.infer(BODY).status_code == 200
        pid = server.process.pid
    loaded = Path(f"{found}{pid}").read_text().split()
    assert "onnxruntime" in loaded
    assert [name for name in FORBIDDEN if name in loaded] == []


@pytest.mark.slow
def test_a_server_takes_little_memory_and_no_cpu_when_idle(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    with running(served) as server:
        for _ in range(20):
            server.infer(BODY)
        memory = psutil.Process(server.process.pid).memory_info().rss
        assert memory < 120_000_000
        before = psutil.Process(server.process.pid).cpu_times()
        time.sleep(2.0)  # the time that is measured
        after = psutil.Process(server.process.pid).cpu_times()
        idle = after.user + after.system - before.user - before.system
        assert idle < 0.1


@pytest.mark.slow
def test_a_dead_worker_is_replaced_and_the_others_serve(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    with running(served, "--workers", "2") as server:
        parent = psutil.Process(server.process.pid)
        until(lambda: len(served.servers.live()) == 2, "two servers announce themselves")
        victim = parent.children()[0]
        victim.kill()
        victim.wait(10)
        answers = []
        for _ in range(20):
            with httpx.Client(base_url=server.address, trust_env=False) as client:
                answers.append(client.post("/v2/models/iris/infer", json=BODY).status_code)
        assert set(answers) == {200}
        until(lambda: len(live(parent) - {victim.pid}) == 2, "a new worker")
        workers = parent.children()
        # The killed one leaves the directory after some seconds; the new one is in it sooner.
        until(lambda: len(served.servers.live()) >= 2, "the new worker follows the ledger")
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.slow
def test_a_worker_that_is_not_ready_gets_no_connections(served: Served) -> None:
    """While one restarts, however slowly, the others accept every new connection."""
    served.assign(1, iris_bundle(served.bundles))
    with running(served, "--workers", "2") as server:
        parent = psutil.Process(server.process.pid)
        until(lambda: len(served.servers.live()) == 2, "two servers announce themselves")
        # No other process can write now: a server that starts waits until it can announce itself.
        with sqlite3.connect(served.project.home / "retread.db", isolation_level=None) as writer:
            writer.execute("BEGIN IMMEDIATE")
            victim = parent.children()[0]
            victim.kill()
            until(lambda: len(live(parent) - {victim.pid}) == 2, "a new worker")
            end = time.monotonic() + 4.0
            while time.monotonic() < end:
                with httpx.Client(base_url=server.address, trust_env=False, timeout=3.0) as client:
                    assert client.post("/v2/models/iris/infer", json=BODY).status_code == 200
            writer.execute("ROLLBACK")
        writer.close()
        until(lambda: metrics_of(server) == {"0", "1"}, "both workers are scraped")


def metrics_of(server: Server) -> set[str]:
    """Return the workers that several scrapes reach."""
    found: set[str] = set()
    for _ in range(20):
        with httpx.Client(base_url=server.address, trust_env=False) as client:
            text = client.get("/metrics").text
        found |= set(re.findall(r'retread_ready\{worker="(\d+)"\}', text))
    return found


def live(parent: psutil.Process) -> set[int]:
    """Return the ids of the children that are running."""
    return {child.pid for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE}


@pytest.mark.slow
def test_an_ipv6_address_is_in_brackets(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    served = Served.make(tmp_path, '[serving]\nhost = "::1"\n')
    with running(served) as server:
        assert server.address.startswith("http://[::1]:")
        assert server.http.get("/v2/health/live").status_code == 200


def test_a_port_in_use_is_reported_in_one_sentence(iris: Server) -> None:
    port = iris.address.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "retread.serving", "--project", str(iris.served.project.root)]
    for more in ([], ["--workers", "2"]):
        done = subprocess.run(
            [*command, "--port", port, *more],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"Cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.slow
def test_slow_clients_are_disconnected(iris: Server) -> None:
    host, port = iris.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        received = b""
        while not received.endswith(b"}"):  # head and body may come apart
            received += connection.recv(1000)
        assert b" 200 " in received
        connection.sendall(b"POST /v2/models/iris/infer HTTP/1.1\r\nhost: localhost\r\ncontent-le")
        with ClientLoad(iris, BODY, connections=1) as load:
            received = connection.recv(1000)
        assert b" 408 " in received
        assert connection.recv(1000) == b""
        assert load.failures == []


def _records(served: Served) -> list[str]:
    from retread.serving import Cursor

    records, _ = served.traffic.read(Cursor(), 1_000_000)
    return [record.id for record in records]
