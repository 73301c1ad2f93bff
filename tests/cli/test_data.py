"""`retread data`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retread.app import Workspace
from retread.cli.main import run
from retread.project import open_project
from retread.registry.events import DatasetVersionAdded, DatasetVersionReleased

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    for label in ("good", "defective"):
        (root / "photos" / label).mkdir(parents=True)
        for i in range(30):
            noise = np.random.default_rng([i, len(label)]).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).resize((32, 32)).save(root / "photos" / label / f"{i}.jpg")
    (root / "retread.toml").write_text('[data]\nsource = "photos"\n')
    monkeypatch.chdir(root)
    monkeypatch.delenv("RETREAD_HOME", raising=False)
    return root


def events(project: Path) -> list[object]:
    return [entry.event for entry in Workspace(open_project(project, {})).ledger.read()]


def document(capsys: Capture) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_add_prints_the_version_and_records_it_in_the_ledger(
    project: Path, capsys: Capture
) -> None:
    assert run(["data", "add", "tires", "photos", "--note", "first"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("tires@1 sha256:")
    added = events(project)
    assert len(added) == 1
    assert isinstance(added[0], DatasetVersionAdded)
    assert f"tires@1 {added[0].digest}" == first
    assert run(["data", "add", "tires"]) == 0
    assert "The data is unchanged" in capsys.readouterr().out
    assert len(events(project)) == 1


def test_a_version_of_an_interrupted_add_is_recorded_later(project: Path) -> None:
    assert run(["data", "add", "tires"]) == 0
    shutil.move(project / ".retread" / "retread.db", project / "elsewhere.db")
    assert run(["data", "add", "tires"]) == 0
    assert len(events(project)) == 1


def test_u14_quarantine_and_release(project: Path, capsys: Capture) -> None:
    for name in ("broken.jpg", "broken too.jpg"):
        (project / "photos" / "good" / name).write_text("no image")
    assert run(["data", "add", "tires", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["state"] == "quarantined"
    assert "good/broken.jpg" in captured.err
    assert "retread data release tires@1" in captured.err
    assert run(["data", "release", "tires"]) == 1
    assert run(["data", "release", "tires@1"]) == 1
    assert "only with a reason. Add: --reason TEXT" in capsys.readouterr().err
    assert run(["data", "release", "tires@1", "--reason", "one file"]) == 0
    for reason in ([], ["--reason", "another one"]):
        assert run(["data", "release", "tires@1", *reason]) == 1
        told = capsys.readouterr().err
        assert "tires@1 is already released by " in told
        assert told.strip().endswith("UTC: one file.")
    released = [event for event in events(project) if isinstance(event, DatasetVersionReleased)]
    assert [event.reason for event in released] == ["one file"]
    assert run(["data", "add", "tires"]) == 0


def test_u13_data_add_and_show_name_what_was_left_out(project: Path, capsys: Capture) -> None:
    (project / "photos" / "good" / "broken.jpg").write_text("no image")
    (project / "photos" / "good" / "Thumbs.db").write_text("thumbnails")
    for command in (["add", "tires"], ["show", "tires"]):
        assert run(["data", *command]) == 0
        out = capsys.readouterr().out
        assert "Left out: 1 of 61 images: good/broken.jpg: its format is not recognised." in out
        assert "Passed over: 1 that systems and programs leave behind (1 Thumbs.db)." in out


def test_every_command_prints_json(project: Path, capsys: Capture, tmp_path: Path) -> None:
    run(["data", "add", "tires"])
    (project / "photos" / "good" / "0.jpg").unlink()
    run(["data", "add", "tires"])
    capsys.readouterr()
    for command in (
        ["list"],
        ["list", "tires"],
        ["show", "tires@1"],
        ["diff", "tires@1", "tires@2"],
        ["verify"],
        ["verify", "tires"],
        ["verify", "tires@2"],
        ["export", "tires@1", str(tmp_path / "out")],
        ["gc", "--older_than_hours", "0"],
    ):
        assert run(["data", *command, "--json"]) == 0, command
        assert document(capsys) is not None
        if command[0] != "export":
            assert run(["data", *command]) == 0
            assert capsys.readouterr().out
    assert run(["data", "release", "tires@1", "--reason", "x"]) == 1
    assert "it was never in quarantine" in capsys.readouterr().err
    assert run(["data", "diff", "tires@1", "tires@2", "--json"]) == 0
    assert document(capsys)["removed"] == 1


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["add", "tires", "nowhere"], "no file or folder nowhere"),
        (["add", "Tires"], "not a valid dataset name"),
        (["add", "tires", "photos", "--labels", "x.json"], "no label file x.json"),
        (["show", "tires@1"], "no dataset 'tires'"),
        (["show", "tires@x"], "does not name a dataset version"),
        (["show", "../tires"], "not a valid dataset name"),
        (["verify", "tires@2"], "no dataset"),
        (["gc", "tires"], "no dataset"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_explained_in_one_sentence(
    project: Path, capsys: Capture, command: list[str], problem: str
) -> None:
    assert run(["data", *command]) == 1
    captured = capsys.readouterr()
    assert problem in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not list((project / ".retread").glob("datasets/*"))


def test_no_source_at_all(project: Path, capsys: Capture) -> None:
    (project / "retread.toml").write_text("")
    assert run(["data", "add", "tires"]) == 1
    assert "retread data add tires SOURCE" in capsys.readouterr().err


def test_the_audit_reports_a_missing_dataset(project: Path, capsys: Capture) -> None:
    assert run(["data", "add", "tires"]) == 0
    shutil.rmtree(project / ".retread" / "datasets")
    assert run(["audit", "verify"]) == 1
    assert "There is no dataset 'tires'" in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["inf", "nan", "-1", "1e300", "x"])
def test_invalid_numbers_of_hours(project: Path, capsys: Capture, hours: str) -> None:
    assert run(["data", "gc", "--older-than-hours", hours]) == 2
    assert "--older-than-hours" in capsys.readouterr().err


@pytest.mark.slow
def test_many_labels_and_columns_are_counted_and_the_first_are_named(
    project: Path, capsys: Capture
) -> None:
    columns = ["label", *(f"column_{i}" for i in range(200))]
    rows = [[f"kind {i % 300}", *(str(i * j % 97) for j in range(200))] for i in range(3000)]
    table = project / "wide.csv"
    table.write_text("\n".join(map(",".join, [columns, *rows])))
    toml = project / "retread.toml"
    toml.write_text('[recipe]\nkind = "tabular-classification"\n')
    assert run(["data", "add", "wide", str(table), "--labels", "label"]) == 0
    out = capsys.readouterr().out
    assert "kind 0 10, " in out
    assert " and 288 more labels; released" in out
    assert max(map(len, out.splitlines())) < 600
    assert run(["data", "show", "wide@1"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 600
    assert run(["data", "add", "wide", str(table), "--labels", "nothing"]) == 1
    err = capsys.readouterr().err
    assert "column_10 and 189 more." in err
    assert len(err) < 500
