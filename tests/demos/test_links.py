"""What can be opened of a project that a demo left behind."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from retread.app.projects import new_project
from retread.demos.links import bring_up, links


def test_addresses_have_the_ports_that_the_project_will_have(tmp_path: Path) -> None:
    new_project(tmp_path / "there", "iris")
    assert [address for address, _ in links(tmp_path / "there")] == [
        "http://127.0.0.1:5002",
        "http://127.0.0.1:5000",
        "http://127.0.0.1:5001/v2/models/iris",
    ]


def test_a_person_who_moved_a_port_finds_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_project(tmp_path / "there", "iris")
    monkeypatch.setenv("RETREAD__SERVING__PORT", "6001")
    assert "http://127.0.0.1:6001/v2/models/iris" in dict(links(tmp_path / "there"))


def test_the_command_is_short_where_the_demo_was_typed_and_whole_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bring_up(tmp_path / "demo-iris") == "retread up --detach --project demo-iris"
    spaced = tmp_path.parent / "my demo"
    assert shlex.split(bring_up(spaced))[-1] == str(spaced)
