"""Where the servers are, and who is told."""

from __future__ import annotations

import os

import msgspec
import pytest

from retread.app.supervisor import (
    Service,
    ServiceState,
    ServiceStatus,
    Status,
    addresses_of,
    services_of,
    serving_address,
)
from retread.app.supervisor.identity import birth
from retread.app.supervisor.state import state_file
from retread.project import LoadedProject, open_project
from retread.serving.client import ServingClient


def test_the_loop_and_the_page_are_told_where_the_servers_really_are(
    project: LoadedProject,
) -> None:
    services = {service.name: service for service in services_of(project)}
    for name in ("control", "loop"):
        told = addresses_of(project.settings, services[name].environment)
        assert told.tracking == services["tracking"].address
        assert told.serving == services["serving"].address
        assert told.control == services["control"].address
        assert not any(address.endswith(":0") for address in (told.tracking, told.control))


def test_who_was_not_told_goes_by_the_settings(project: LoadedProject) -> None:
    there = open_project(project.root, {"RETREAD__PROJECT__CONTROL_PORT": "5202"})
    assert addresses_of(there.settings, {}).control == "http://127.0.0.1:5202"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_every_loopback_host_makes_an_address_that_a_client_takes(
    project: LoadedProject, host: str
) -> None:
    environment = {"RETREAD__SERVING__HOST": host, "RETREAD__SERVING__PORT": "5201"}
    there = open_project(project.root, environment)
    bracketed = "[::1]" if host == "::1" else host
    assert serving_address(there) == f"http://{bracketed}:5201"
    assert serving_address(there, 5999) == f"http://{bracketed}:5999"
    (serving,) = [s for s in services_of(there) if s.name == "serving"]
    assert isinstance(serving, Service)
    assert serving.address == serving_address(there)
    ServingClient(serving_address(there), "iris").close()


def test_a_server_that_runs_is_asked_where_it_runs(project: LoadedProject) -> None:
    serving = ServiceStatus(
        name="serving",
        state=ServiceState.READY,
        address="http://127.0.0.1:43210",
        pid=0,
        born="",
        since="",
    )
    status = Status(pid=os.getpid(), born=birth(os.getpid()), since="", services=(serving,))
    path = state_file(project.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(status))
    assert serving_address(project) == "http://127.0.0.1:43210"
    assert serving_address(project, 5999) == "http://127.0.0.1:5999"
    path.unlink()  # before the fixture ends what it names: this process
    assert serving_address(project).endswith(":0")
