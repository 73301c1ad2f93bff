"""The commands and files of docs/operations.md do what the page says."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from tests.bundles import iris_bundle
from tests.serving.running import until

from retread.app import Workspace
from retread.app.control.same_origin import is_same_origin
from retread.app.projects import new_project
from retread.app.supervisor import running_status, take_down
from retread.project import LoadedProject, open_project, parse_settings
from retread.registry.events import PromotionCompleted, Slot, SlotAssigned

PAGE = (Path(__file__).parents[1] / "docs" / "operations.md").read_text("utf-8")
RETREAD = Path(sys.executable).with_name("retread")
FREE_PORTS = {
    "RETREAD__PROJECT__TRACKING_PORT": "0",
    "RETREAD__PROJECT__CONTROL_PORT": "0",
    "RETREAD__SERVING__PORT": "0",
}


def blocks(section: str, language: str) -> list[str]:
    """Return the code blocks of a section of the page."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> LoadedProject:
    """A project with a model in production."""
    new_project(tmp_path / "iris", "iris")
    opened = open_project(tmp_path / "iris", FREE_PORTS)
    workspace = Workspace(opened)
    bundle = iris_bundle(workspace.bundles)
    version = workspace.registry.register(bundle, run_id="run_1").version
    workspace.ledger.append(
        SlotAssigned(slot=Slot.PRODUCTION, version=version, bundle=bundle, generation=1),
        PromotionCompleted(version=version, previous=0, generation=1, servers=()),
    )
    workspace.database.close()
    return opened


def typed(folder: Path, commands: list[str]) -> str:
    """Type the commands of a block into a shell; what installs packages is left out."""
    lines = [line for block in commands for line in block.splitlines() if line]
    lines = [line for line in lines if not line.startswith("pip ")]
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"],
        input="\n".join(lines),
        cwd=folder,
        env={**os.environ, **FREE_PORTS, "PATH": f"{RETREAD.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_u20_a_backup_is_restored_and_verified(project: LoadedProject, tmp_path: Path) -> None:
    backup, restore = blocks("Backup", "sh")
    try:
        typed(project.root, [backup])
        assert running_status(project.home) is not None
    finally:
        take_down(project.home)
    shutil.rmtree(project.root)
    project.root.mkdir()
    printed = typed(project.root, [restore])
    assert "ledger entries and 1 bundles are intact" in printed
    assert "production  1" in printed
    assert (tmp_path / "restored" / "retread.toml").is_file()


@pytest.mark.slow
def test_u20_the_upgrade_runs_to_a_ready_status(project: LoadedProject) -> None:
    try:
        printed = typed(project.root, blocks("Upgrade", "sh"))
    finally:
        take_down(project.home)
    assert printed.count("ready") >= 8
    assert "Production: version 1" in printed
    assert "FAILED" not in printed


def test_u20_the_unit_is_one_that_systemd_accepts(tmp_path: Path) -> None:
    (text,) = blocks("As a service", "ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    unit.read_string(text)
    assert unit["Service"]["ExecStart"].endswith("/retread up")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    path = tmp_path / "retread.service"
    path.write_text(text.replace("%h/venv/bin/retread", str(RETREAD)).replace("%h/tires", "/tmp"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    about_the_unit = [line for line in done.stderr.splitlines() if "retread.service" in line]
    assert about_the_unit == []


@pytest.mark.slow
def test_u20_in_the_foreground_it_stops_on_sigterm_with_all_services(
    project: LoadedProject,
) -> None:
    process = subprocess.Popen(
        [RETREAD, "up"], cwd=project.root, env={**os.environ, **FREE_PORTS}, stdout=subprocess.PIPE
    )
    try:
        until(
            lambda: (status := running_status(project.home)) is not None and status.is_ready,
            "all services are ready",
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert running_status(project.home) is None
    finally:
        process.kill()
        process.communicate()
        take_down(project.home)


def test_u20_the_proxy_sets_the_headers_that_the_control_port_asks_for() -> None:
    (text,) = blocks("Behind a proxy", "nginx")
    page = text.split("proxy_pass http://127.0.0.1:5002;")[1].split("}")[0]
    set_headers = dict(re.findall(r'proxy_set_header (\S+) "?([^";]*)"?;', page))
    asked = {
        "host": "retread.example.com",
        "origin": "https://retread.example.com",
        "sec-fetch-site": "same-origin",
    }
    assert not is_same_origin(Headers(asked))
    # An empty value removes the header.
    passed = {**asked, **{name.lower(): value for name, value in set_headers.items()}}
    assert is_same_origin(Headers({name: value for name, value in passed.items() if value}))


def test_u20_the_settings_of_the_page_are_settings() -> None:
    import tomllib

    (text,) = blocks("Behind a proxy", "toml")
    settings = parse_settings(tomllib.loads(text), source="docs/operations.md")
    assert settings.project.public_url == "https://retread.example.com"
