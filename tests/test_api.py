"""`import retread`: what a notebook does, and what it does wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import retread
from retread.core import Conflict, InvalidInput, NotFound, Outcome, Refused, UnknownOption


@pytest.fixture
def project(tmp_path: Path) -> retread.Project:
    return retread.init(tmp_path / "inspection", template="iris")


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, retread; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "mlflow", "lance", "torch", "pydantic", "msgspec"} & set(loaded)


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(retread, name) for name in retread.__all__)
    assert dir(retread) == retread.__all__
    with pytest.raises(AttributeError, match="has no attribute 'explain'"):
        retread.explain  # type: ignore[attr-defined]  # noqa: B018


def test_a_project_is_found_from_below(project: retread.Project) -> None:
    below = project.root / "notebooks"
    below.mkdir()
    assert retread.open(below).root == project.root
    assert retread.open(below, model="iris").name == "iris"


@pytest.mark.parametrize(
    ("model", "message"), [("tires", "has no model 'tires'"), ("", "has no model ''")]
)
def test_a_model_that_is_not_there(project: retread.Project, model: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        retread.open(project.root, model=model)


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no retread\.toml"):
        retread.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(Conflict, match="not empty"):
        retread.init(tmp_path)
    with pytest.raises(UnknownOption, match="template"):
        retread.init(tmp_path / "new", template="census")


def test_an_empty_project_shows_itself(project: retread.Project) -> None:
    assert (project.versions, project.production) == ((), None)
    assert str(project).startswith("Project iris: model versions")
    assert "<caption>Project iris: model versions</caption>" in project._repr_html_()
    assert str(project.monitor.report()) == "No version is in production yet.\n  stream"
    assert project.history() == ()
    with pytest.raises(NotFound, match="no model version 1"):
        project.version(1)
    with pytest.raises(Refused, match="no earlier production version"):
        project.rollback()


def test_data_is_added_relative_to_the_project(
    project: retread.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    added = project.data.add("iris.csv", note="first")
    assert (added.reference, added.note) == ("iris@1", "first")
    assert project.data.version() == project.data.version(1) == added
    assert [version.number for version in project.data.versions()] == [1]
    assert "<td>released</td>" in added._repr_html_()
    with pytest.raises(NotFound, match="no file or folder"):
        project.data.add("flowers.csv")


def test_wrong_options_train_nothing(project: retread.Project) -> None:
    project.data.add()
    with pytest.raises(UnknownOption, match="scenario 'both'"):
        project.train("both")
    with pytest.raises(InvalidInput, match="sample is 2"):
        project.train(sample=2)
    with pytest.raises(TypeError, match="depth"):
        project.train(depth=3)  # type: ignore[call-arg]
    assert project.versions == ()


@pytest.mark.slow
def test_from_a_run_to_production_and_back(project: retread.Project) -> None:
    project.data.add()
    (first,) = project.train("", model_type="random_forest", seed=1)
    (second,) = project.train("", model_type="random_forest", seed=2)
    assert first.version is not None
    assert second.version is not None
    assert "random_forest" in str(first)
    with pytest.raises(InvalidInput, match="needs a reason"):
        first.version.promote(force=True)
    first.version.promote("the first one")
    assert project.production is not None
    assert project.production.current_stage == "Production"
    assert second.version.gate().outcome in (Outcome.INCONCLUSIVE, Outcome.FAIL)
    with pytest.raises((Refused, retread.RetreadError)):
        second.version.promote("not good enough")
    second.version.promote("a test", force=True)
    assert project.rollback(reason="after all").version == 1
    reasons = [getattr(entry.event, "reason", "") for entry in project.history()]
    assert {"the first one", "a test", "after all"} <= set(reasons)
    found = project.lineage(2)
    assert found.version.model_type == "random_forest"
    assert "iris@1" in str(found)


@pytest.mark.slow
def test_no_run_is_the_best_if_none_was_registered(project: retread.Project) -> None:
    settings = project.root / "retread.toml"
    settings.write_text(
        settings.read_text() + "\n[early_stopping]\nmin_accuracy = 1.0\nmin_loss = 0.0\n"
    )
    project = retread.open(project.root)
    project.data.add()
    runs = project.train("", model_type="random_forest")
    assert runs[0].version is None
    with pytest.raises(NotFound, match="No run was registered"):
        runs.best("Accuracy")
