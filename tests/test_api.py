"""`import retread`: what a notebook does, and what it does wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import retread
from retread.api import Run, Runs, Version
from retread.app.training import TrainedRun
from retread.core import (
    Conflict,
    InvalidInput,
    NotFound,
    Outcome,
    Refused,
    StorageFailed,
    UnknownOption,
    checked_type,
)
from retread.registry import Promotion, SlotState
from retread.training import TrainingOutcome


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


WRONG_TYPES: list[tuple[str, Callable[[Any], object]]] = [
    ("number is '1', but must be a whole number", lambda p: p.version("1")),
    ("number is True", lambda p: p.version(True)),
    ("to is '1'", lambda p: p.rollback("1")),
    ("reason is 5, but must be text", lambda p: p.rollback(reason=5)),
    (r"at is '2026-11-21'.* datetime\(2026", lambda p: p.history("2026-11-21")),
    ("at is datetime.date", lambda p: p.history(date(2026, 11, 21))),
    ("at is 0001-01-01 .* out of range", lambda p: p.history(datetime.min)),
    ("subject is None", lambda p: p.lineage(None)),
    ("timeout_s is '5'", lambda p: p.client(timeout_s="5")),
    ("scenario is 1", lambda p: p.train(1)),
    ("dataset is 1", lambda p: p.train(dataset=1)),
    ("dataset_version is '1'", lambda p: p.train(dataset_version="1")),
    ("on_epoch is 1, but must be a function or None", lambda p: p.train(on_epoch=1)),
    ("source is 5, but must be text or a path", lambda p: p.data.add(5)),
    ("source is empty", lambda p: p.data.add("")),
    ("name is 5", lambda p: p.data.add(name=5)),
    ("'' is not a valid dataset name", lambda p: p.data.add(name="")),
    ("append is 'no', but must be True or False", lambda p: p.data.add(append="no")),
    ("number is '1'", lambda p: p.data.version("1")),
    ("number is None", lambda p: p.data.release(None)),
    ("reason is None", lambda p: p.data.release(1, reason=None)),
    ("model is 5", lambda p: retread.open(p.root, model=5)),  # type: ignore[arg-type]  # tested
    ("template is None", lambda p: retread.init(p.root, None)),  # type: ignore[arg-type]  # tested
]


@pytest.mark.parametrize(("message", "call"), WRONG_TYPES)
def test_arguments_of_another_type_are_refused(
    project: retread.Project, message: str, call: Callable[[Any], object]
) -> None:
    with pytest.raises(InvalidInput, match=message):
        call(project)


@pytest.mark.parametrize("enter", [retread.open, retread.init])
@pytest.mark.parametrize("path", [None, 5, "", "a\0b", "\ud800", "~nobody-has-this-name/x"])
def test_what_is_no_path_is_refused(enter: Callable[[Any], object], path: object) -> None:
    with pytest.raises(InvalidInput, match="path is"):
        enter(path)


@pytest.mark.parametrize("enter", [retread.open, retread.init])
def test_a_path_that_the_system_refuses(
    enter: Callable[[Any], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageFailed, match="cannot be used: File name too long"):
        enter(tmp_path / ("a" * 300))
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(StorageFailed, match="cannot be used: No such file"):
        enter("new")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    project = retread.init("~/flowers", template="iris")
    assert project.root == retread.open("~/flowers").root == tmp_path / "flowers"
    assert project.data.add("~/flowers/iris.csv").rows == 150
    with pytest.raises(StorageFailed, match="File name too long"):
        project.data.add("a" * 300)


def test_numbers_of_numpy_are_numbers(project: retread.Project) -> None:
    project.data.add()
    assert project.data.version(np.int64(1)).number == 1  # type: ignore[arg-type]  # tested
    rate: Any = np.float32(0.5)
    assert type(checked_type("rate", rate, float)) is float
    assert checked_type("rate", 1, float) == 1


def test_recorded_values_show_themselves(project: retread.Project) -> None:
    project.data.add(note="first")
    assert "iris@1   released  150   " in str(project.data.versions())
    assert str(project.data) == str(project.data.versions())
    assert "<td>first</td>" in project.data._repr_html_()
    assert "iris@1" in str(project.history())
    assert len(project.history()) == 1
    assert str(project.history(at=datetime.now())).startswith("Model versions: 0; production: none")
    assert str(project.monitor) == str(project.monitor.report())
    held = SlotState(version=2, bundle="sha256:ab", generation=7, share=0.1)
    assert "2        10%    7           sha256:ab" in str(held)
    promotion = Promotion(version=2, previous=1, generation=7, servers=("s1", "s2"), rollback=False)
    assert "<td>s1, s2</td>" in promotion._repr_html_()


def runs_with(project: retread.Project, **metrics: float) -> Runs:
    """Return the runs of a training: one registered as version 1, and one that was not."""
    outcome = TrainingOutcome(
        key="a",
        run_id="r1",
        model_type="forest",
        metrics=metrics,
        epochs=1,
        seconds=1.0,
        bundle="sha256:ab",
        reason="",
    )
    failed = replace(outcome, key="b", bundle="", metrics={"MAE": 1.0}, reason="It diverged.")
    trained = (
        TrainedRun(outcome=outcome, version=1 if metrics else None),
        TrainedRun(outcome=failed, version=None),
    )
    return Runs(tuple(Run(project._workspace, run) for run in trained))


def test_the_best_run_has_the_metric(project: retread.Project) -> None:
    runs = runs_with(project, Loss=0.1, Accuracy=0.9)
    best = runs.best("accuracy")
    assert best == runs.best() == Version(project._workspace, 1)
    assert {best, runs.best()} == {best}
    assert best != Version(project._workspace, 2)
    assert best != 1
    with pytest.raises(UnknownOption, match=r"these runs 'MAE'\. Use one of: Accuracy, Loss"):
        runs.best("MAE")
    with pytest.raises(InvalidInput, match="metric is None, but must be text"):
        runs.best(None)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(NotFound, match=r"No run was registered\. .*; forest: It diverged\. Lower"):
        runs_with(project).best()
    with pytest.raises(NotFound, match=r"There are no runs to choose from\. Train"):
        Runs(()).best()


@pytest.mark.parametrize("force", ["no", 1, None])
def test_only_true_bypasses_the_gate(project: retread.Project, force: Any) -> None:
    with pytest.raises(InvalidInput, match=f"force is {force!r}, but must be True or False"):
        Version(project._workspace, 1).promote("x", force=force)


def test_wrong_options_train_nothing(project: retread.Project) -> None:
    project.data.add()
    with pytest.raises(UnknownOption, match="scenario 'both'"):
        project.train("both")
    with pytest.raises(InvalidInput, match="sample is 2"):
        project.train(sample=2)
    with pytest.raises(UnknownOption, match=r"option of train 'lr'.*learning_rate"):
        project.train(lr=1)  # type: ignore[call-arg]  # what is tested
    for option, value in (("epochs", "3"), ("seed", "x"), ("model_type", 5), ("sample", True)):
        with pytest.raises(InvalidInput, match=f"{option} is {value!r}, but must be"):
            project.train(**{option: value})  # type: ignore[arg-type]  # what is tested
    with pytest.raises(InvalidInput, match="Use another value for batch_size"):
        project.train(batch_size=0)
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
    assert project.production == first.version
    with pytest.raises(Conflict, match="Version 1 is in production already"):
        first.version.promote("again", force=True)
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
