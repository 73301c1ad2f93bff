"""`retread up` with the real processes of every service."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.bundles import iris_bundle
from tests.serving.running import until

from retread.app import Workspace
from retread.app.projects import new_project
from retread.app.supervisor import ServiceStatus, running_status, take_down
from retread.project import LoadedProject, open_project
from retread.registry.events import PromotionCompleted, Slot, SlotAssigned

pytestmark = pytest.mark.slow

RETREAD = Path(sys.executable).with_name("retread")
FREE_PORTS = {
    "RETREAD__PROJECT__TRACKING_PORT": "0",
    "RETREAD__PROJECT__CONTROL_PORT": "0",
    "RETREAD__SERVING__PORT": "0",
}
MEGABYTE = 2**20
READY_WITHIN_CPU_S = 15.0


def retread(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RETREAD, *words],
        cwd=folder,
        env={**os.environ, **FREE_PORTS, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def document(folder: Path, *words: str) -> Any:
    done = retread(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def iris(tmp_path: Path) -> Any:
    new_project(tmp_path / "iris", "iris")
    project = open_project(tmp_path / "iris", FREE_PORTS)
    yield project
    take_down(project.home)


def in_production(project: LoadedProject) -> None:
    """Put a model into production, to serve and to monitor."""
    workspace = Workspace(project)
    bundle = iris_bundle(workspace.bundles)
    version = workspace.registry.register(bundle, run_id="run_1").version
    workspace.ledger.append(
        SlotAssigned(slot=Slot.PRODUCTION, version=version, bundle=bundle, generation=1),
        PromotionCompleted(version=version, previous=0, generation=1, servers=()),
    )
    workspace.database.close()


def service_statuses(project: LoadedProject) -> tuple[ServiceStatus, ...]:
    status = running_status(project.home)
    return status.services if status else ()


def processes_of(project: LoadedProject) -> list[psutil.Process]:
    status = running_status(project.home)
    assert status is not None
    supervisor = psutil.Process(status.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def test_up_is_light_and_responds_and_down_leaves_nothing(iris: LoadedProject) -> None:
    in_production(iris)
    up = document(iris.root, "up", "--detach")
    # CPU time, which other load on the machine does not stretch.
    assert _cpu(processes_of(iris)) <= READY_WITHIN_CPU_S
    address = {service["name"]: service["address"] for service in up["supervisor"]["services"]}
    with httpx.Client(timeout=60) as client:
        assert client.get(f"{address['control']}/api/status").json()["model"] == "iris"
        assert "iris" in client.get(address["control"]).text
        assert client.get(f"{address['serving']}/v2/health/live").status_code == 200
        experiments = f"{address['tracking']}/api/2.0/mlflow/experiments/search"
        assert client.post(experiments, json={"max_results": 1}).status_code == 200
        model = client.get(f"{address['serving']}/v2/models/iris/ready")
        assert model.status_code == 200
        foreign = {"host": "evil.example"}
        assert client.get(f"{address['tracking']}/", headers=foreign).status_code == 403

    processes = processes_of(iris)
    assert sum(p.memory_full_info().pss for p in processes) < 1_200 * MEGABYTE
    busy, seconds = _cpu(processes), 10.0
    time.sleep(seconds)
    assert (_cpu(processes) - busy) / seconds < 0.05

    again = document(iris.root, "up")
    assert again["supervisor"]["pid"] == up["supervisor"]["pid"]
    with httpx.Client(base_url=address["control"], timeout=60) as client:
        response = client.post("/api/triggers", json={}).json()
        assert response["decision"] == "accepted", response
        (trigger,) = client.get("/api/triggers").json()["triggers"]
        assert trigger["trigger"] == response["trigger"]

    assert document(iris.root, "down") == {"ended": True}
    assert [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert list((iris.home / "run").glob("supervisor*")) == []
    status = document(iris.root, "status")
    assert (status["up"], status["supervisor"]) == (False, None)
    assert [slot["version"] for slot in status["project"]["slots"]] == [1]


def test_a_server_that_is_killed_is_restarted_and_responds(iris: LoadedProject) -> None:
    in_production(iris)
    up = document(iris.root, "up", "--detach")
    before = next(s for s in up["supervisor"]["services"] if s["name"] == "serving")
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        status = running_status(iris.home)
        assert status is not None
        now = next(s for s in status.services if s.name == "serving")
        return status.is_ready and now.pid != before["pid"]

    until(is_back, "the server is ready again")
    rows = iris.root / "rows.csv"
    rows.write_text("sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n")
    until(lambda: retread(iris.root, "predict", "iris", "rows.csv").returncode == 0, "it responds")
    # Neither the command nor the settings name the port: it comes from the server's status.
    (answer,) = document(iris.root, "predict", "iris", "rows.csv")
    assert answer["prediction"]["label"] == "setosa"
    label = retread(iris.root, "feedback", answer["prediction"]["id"], "setosa")
    assert label.returncode == 0, label.stderr


def test_an_interrupt_before_all_is_ready_leaves_no_process(iris: LoadedProject) -> None:
    process = subprocess.Popen(
        [str(RETREAD), "up", "--detach", "--project", str(iris.root)],
        stderr=subprocess.PIPE,
        env={**os.environ, **FREE_PORTS},
        text=True,
        start_new_session=True,
    )
    until(lambda: any(s.pid for s in service_statuses(iris)), "something has started")
    processes = processes_of(iris)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Interrupted before all services were ready; they were stopped." in printed
    assert [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert running_status(iris.home) is None


def test_down_works_with_a_mistake_in_the_settings(iris: LoadedProject) -> None:
    up = retread(iris.root, "up", "--detach")
    assert up.returncode == 0, up.stderr
    assert up.stderr.splitlines()[-1] == "services ready: 4 of 4"
    (iris.root / "retread.toml").write_text("[gate]\nmetrik = 1\n")
    assert document(iris.root, "down") == {"ended": True}
    assert running_status(iris.home) is None


def test_after_a_kill_its_processes_are_reaped_and_it_starts_again(iris: LoadedProject) -> None:
    document(iris.root, "up", "--detach")
    processes = processes_of(iris)
    processes[0].kill()
    again = document(iris.root, "up", "--detach")
    assert again["supervisor"]["pid"] != processes[0].pid
    assert [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_in_the_foreground_an_interrupt_stops_everything(iris: LoadedProject) -> None:
    command = [str(RETREAD), "up", "--project", str(iris.root)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={**os.environ, **FREE_PORTS},
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed: list[str] = []
    while sum(line.split()[1:2] == ["ready"] for line in printed) < 4:
        printed.append(process.stdout.readline())
        assert printed[-1], printed
    processes = processes_of(iris)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    assert [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_taken_port_is_named_before_anything_starts(iris: LoadedProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for words in (["up", "--detach"], ["up"]):
            done = retread(iris.root, *words, RETREAD__SERVING__PORT=str(port))
            assert done.returncode == 1
            assert f"Port {port} (serving) is used" in done.stderr
            assert "[serving] port" in done.stderr
    assert running_status(iris.home) is None


def _cpu(processes: list[psutil.Process]) -> float:
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))
