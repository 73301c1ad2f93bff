"""Addresses of the servers, and which processes learn them."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import msgspec
import pytest

from retread.app.supervisor import (
    Service,
    ServiceState,
    ServiceStatus,
    SupervisorStatus,
    addresses_of,
    services_of,
    serving_address,
)
from retread.app.supervisor.state import state_file
from retread.core.processes import identify_process
from retread.project import LoadedProject, open_project
from retread.serving.client import ServingClient

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_loop_and_the_control_api_get_the_actual_addresses(
    project: LoadedProject,
) -> None:
    services = {service.name: service for service in services_of(project)}
    for name in ("control", "loop"):
        found = addresses_of(project.settings, services[name].environment)
        assert found.tracking == services["tracking"].address
        assert found.serving == services["serving"].address
        assert found.control == services["control"].address
        assert not any(address.endswith(":0") for address in (found.tracking, found.control))


def test_without_addresses_in_the_environment_the_settings_apply(project: LoadedProject) -> None:
    there = open_project(project.root, {"RETREAD__PROJECT__CONTROL_PORT": "5202"})
    assert addresses_of(there.settings, {}).control == "http://127.0.0.1:5202"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_client_accepts_the_address_of_every_loopback_host(
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


def test_the_address_of_a_running_server_comes_from_its_status(project: LoadedProject) -> None:
    serving = ServiceStatus(
        name="serving",
        state=ServiceState.READY,
        address="http://127.0.0.1:43210",
        pid=None,
        since=NOW,
    )
    this_process = identify_process(os.getpid())
    assert this_process is not None
    status = SupervisorStatus(
        pid=this_process.pid,
        start_time=this_process.start_time,
        since=NOW,
        services=(serving,),
    )
    path = state_file(project.home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(status))
    assert serving_address(project) == "http://127.0.0.1:43210"
    assert serving_address(project, 5999) == "http://127.0.0.1:5999"
    path.unlink()  # before the fixture stops what it names: this process
    assert serving_address(project).endswith(":0")
