"""A project that is trained once; every test gets its own copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.sample_project import Typed, make_project, workspace_of

from retread.app import Workspace
from retread.cli.main import run


@pytest.fixture(scope="session")
def first_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose version 1 is in production; no service runs."""
    root = tmp_path_factory.mktemp("acceptance") / "treads"
    make_project(root).database.close()
    for words in (["train"], ["promote", "1"]):
        assert run([*words, "--project", str(root)]) == 0
    return root


@pytest.fixture
def workspace(first_model: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(first_model, tmp_path / "treads")
    opened = workspace_of(tmp_path / "treads")
    yield opened
    opened.database.close()


@pytest.fixture
def typed(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that runs a command in the project: exit code, stdout, stderr."""

    def run_it(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([*words, "--project", str(workspace.project.root)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run_it
