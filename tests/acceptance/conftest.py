"""One project, trained once; every test works on a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.judged_project import Typed, make_project, workspace_of

from retread.app import Workspace
from retread.cli.main import run


@pytest.fixture(scope="session")
def first_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose version 1 is in production; no process of it runs."""
    root = tmp_path_factory.mktemp("acceptance") / "treads"
    make_project(root).database.close()
    for words in (["train"], ["produce", "1"]):
        assert run([*words, "--project", str(root)]) == 0
    return root


@pytest.fixture
def space(first_model: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(first_model, tmp_path / "treads")
    workspace = workspace_of(tmp_path / "treads")
    yield workspace
    workspace.database.close()


@pytest.fixture
def typed(space: Workspace, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Runs a command in the project; its exit code, stdout and stderr."""

    def run_it(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([*words, "--project", str(space.project.root)])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run_it
