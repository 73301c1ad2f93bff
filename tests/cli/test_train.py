"""`retread train` and `retread runs`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from retread.cli.main import run

TOML = """
[project]
name = "iris"
[data]
dataset = "iris"
labels = "species"
[recipe]
kind = "tabular-classification"
[training]
scenario = "both"
epochs = 3
[[training.scenarios.both.runs]]
model_type = "random_forest"
[[training.scenarios.both.runs]]
model_type = "gradient_boosting"
"""


@pytest.fixture
def iris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one version of iris."""
    monkeypatch.delenv("RETREAD_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "retread.toml").write_text(TOML, "utf-8")
    data = load_iris()
    with (tmp_path / "iris.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*data.feature_names, "species"])
        for row, target in zip(data.data, data.target, strict=True):
            writer.writerow([*row, data.target_names[target]])
    assert run(["data", "add", "iris", "iris.csv"]) == 0
    return tmp_path


@pytest.mark.slow
def test_a_scenario_from_the_command_line(iris: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["train", "--dataset_version", "latest", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [r["outcome"]["model_type"] for r in runs] == ["random_forest", "gradient_boosting"]
    assert [r["version"] for r in runs] == [1, 2]
    ids = [r["outcome"]["run_id"] for r in runs]
    assert run(["runs", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {r["run_id"] for r in listed} > set(ids)
    assert len(listed) == 3
    assert run(["runs", "show", ids[1], "--json"]) == 0
    assert [s for s, _ in json.loads(capsys.readouterr().out)["history"]["Loss"]] == [1, 2, 3]
    assert run(["runs", "compare", *ids, "--json"]) == 0
    names = [d["name"] for d in json.loads(capsys.readouterr().out)["differences"]]
    assert "model_type" in names
    assert run(["runs", "list"]) == 0
    assert "random_forest" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_under_the_threshold_is_not_registered(
    iris: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETREAD__EARLY_STOPPING__MIN_LOSS", "0.0")
    capsys.readouterr()
    assert run(["train", "--model-type", "random_forest"]) == 1
    printed = capsys.readouterr()
    assert "Not registered. On validation, loss" in printed.out
    assert "No version was registered" in printed.err
    assert "epoch 1/1: Loss" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model-type", "forest"], "gradient_boosting, random_forest"),
        (["--optimizer_type", "addam"], "adam, sgd, adamw"),
        (["--scenario", "all"], "Use one of: both"),
        (["--epochs", "0"], "at least 1"),
        (["--sample", "2"], "at most 1"),
        (["--dataset-version", "split_1"], "not a dataset version"),
        (["--dataset-version", "7"], "7"),
        (["--dataset", "tires"], "tires"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_options_start_nothing(
    iris: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["train", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (iris / ".retread" / "mlflow.db").exists()
    assert not (iris / ".retread" / "run" / "training").exists()


def test_help_lists_the_model_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("cnn", "tinyvgg", "resnet18", "random_forest", "gradient_boosting"):
        assert name in shown
