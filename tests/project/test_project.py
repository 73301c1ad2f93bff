"""Finding a project, and the folders and databases that belong to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from retread.core import NotFound, StorageFailed
from retread.project import open_project


def test_a_project_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    project = open_project(below, {"RETREAD_HOME": "state"})
    assert (project.root, project.home) == (tmp_path, tmp_path / "state")
    assert project.logs.is_dir()


def test_the_error_without_a_project_says_how_to_create_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="retread init"):
        open_project(tmp_path, {})


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_home_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "retread.toml").write_text("")
    (tmp_path / "state").write_text("")
    with pytest.raises(StorageFailed, match="set RETREAD_HOME"):
        open_project(tmp_path, {"RETREAD_HOME": f"state{below}"})
    assert open_project(tmp_path, {"RETREAD_HOME": ""}).home == tmp_path / ".retread"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("", "{root}/.retread/retread.db"),
        ("sqlite:///state/x.db", "{root}/state/x.db"),
        ("sqlite:////state/x.db?timeout=3", "/state/x.db"),
    ],
)
@pytest.mark.parametrize("folder", ["plain", "what? 100%25 ü"])
def test_relative_database_paths_start_at_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, url: str, file: str
) -> None:
    root = tmp_path / folder
    (root / "below").mkdir(parents=True)
    (root / "retread.toml").write_text(f"[database]\nurl = '{url}'\n")
    monkeypatch.chdir(root / "below")
    project = open_project(Path(), {})
    assert make_url(project.database_url).database == file.format(root=root)
    for made in (project.tracking_url, project.workflows_url):
        assert Path(str(make_url(made).database)).parent == project.home


def test_the_url_of_a_database_server_is_unchanged(tmp_path: Path) -> None:
    url = "postgresql://user:p%40ss@host/name"
    (tmp_path / "retread.toml").write_text(f"[database]\nurl = '{url}'\n")
    assert open_project(tmp_path, {}).database_url == url
