"""`retread init --from FILE`: settings for data that a user has."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.data.conftest import write_image

from retread.app.init_from import project_from_source
from retread.cli.main import run
from retread.core import Conflict, InvalidInput, NotFound

ROWS = 120


def columns(target: str) -> dict[str, list[Any]]:
    """A table with everything that should not be a feature, and two columns that should."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=ROWS)
    labels: dict[str, list[Any]] = {
        "price": [round(float(v), 3) for v in 40 + 9 * values],
        "quality": ["bad" if v > 1.2 else "good" for v in values],
        "kind": [("a", "b", "c")[i % 3] for i in range(ROWS)],
    }
    return {
        "Unnamed: 0": list(range(ROWS)),
        "customer_id": [f"c-{i * 7919 % 1000:03}" for i in range(ROWS)],
        "row": list(range(100, 100 + ROWS)),
        "site": ["north"] * ROWS,
        "when": [f"2026-01-{1 + i // 24:02} {i % 24:02}:00:00" for i in range(ROWS)],
        "remark": [f"text number {i * 31 % 977} of many" for i in range(ROWS)],
        "width": [round(float(v), 3) for v in values + rng.normal(size=ROWS)],
        "shop": [("x", "y")[i % 2] for i in range(ROWS)],
        target: labels[target],
    }


def written(folder: Path, table: Mapping[str, list[Any]], name: str = "My Data.csv") -> Path:
    path = folder / name
    arrow = pa.table(dict(table))
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(arrow, path)
    else:
        lines = [
            ",".join(table),
            *(",".join(map(str, row)) for row in zip(*table.values(), strict=True)),
        ]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", ["My Data.csv", "data.parquet"])
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("price", {"recipe.kind": "tabular-regression", "gate.metric": "MAE"}),
        (
            "quality",
            {
                "recipe.kind": "tabular-classification",
                "recipe.positive_label": "bad",
                "gate.metric": "F1",
            },
        ),
        ("kind", {"recipe.kind": "tabular-classification", "gate.metric": "Accuracy"}),
    ],
)
def test_u05_the_settings_fit_the_table_and_say_why(
    tmp_path: Path,
    target: str,
    expected: dict[str, str],
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = written(tmp_path, columns(target), name)
    project = tmp_path / "Price of Houses"
    monkeypatch.chdir(tmp_path)
    assert run(["init", str(project), "--from", str(table)]) == 0
    printed = capsys.readouterr().out
    assert f"retread data add {'my-data' if name == 'My Data.csv' else 'data'}\n" in printed
    text = (project / "retread.toml").read_text()
    settings = tomllib.loads(text)
    for key, value in {
        **expected,
        "project.name": "price-of-houses",
        "data.labels": target,
    }.items():
        section, _, option = key.partition(".")
        assert settings[section][option] == value
    assert set(settings["data"]["exclude"]) == {
        "customer_id", "row", "site", "remark", "when",
    } - {settings["data"].get("timestamp")}  # fmt: skip
    assert "# Never read, as indexes of data frames: Unnamed: 0.\n" in text
    for before, line in itertools.pairwise(text.splitlines()):
        if line.startswith(("labels", "exclude", "kind", "threshold", "min_loss")):
            assert before.startswith(("#", "metric")), line
    # The day goes on: nothing has to be edited before a model is in the registry.
    monkeypatch.chdir(project)
    assert run(["data", "add", settings["data"]["dataset"]]) == 0
    assert run(["doctor"]) in (0, 1), "ports of another program may be in use"
    assert "settings" in capsys.readouterr().out


def test_u05_the_time_column_is_found_by_its_name_or_its_type(tmp_path: Path) -> None:
    table = columns("kind")
    table["timestamp"] = table.pop("when")
    table["kind"] = table.pop("kind")
    source = written(tmp_path, table)
    project_from_source(tmp_path / "one", source)
    settings = tomllib.loads((tmp_path / "one" / "retread.toml").read_text())
    assert settings["data"]["timestamp"] == "timestamp"
    times = pa.array(np.arange(ROWS) * 3_600_000_000, pa.timestamp("us"))
    pyarrow.parquet.write_table(
        pa.table({**columns("kind"), "measured": times}), tmp_path / "typed.parquet"
    )
    project_from_source(tmp_path / "two", tmp_path / "typed.parquet", "kind")
    settings = tomllib.loads((tmp_path / "two" / "retread.toml").read_text())
    assert settings["data"]["timestamp"] == "measured"


def test_u05_mistakes_are_told_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = written(tmp_path, columns("kind"))
    with pytest.raises(InvalidInput, match=r"no column 'prize', which --target names.*price|kind"):
        project_from_source(tmp_path / "new", table, "prize")
    with pytest.raises(NotFound, match="nothing"):
        project_from_source(tmp_path / "new", tmp_path / "nothing.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("a,b,kind\n")
    with pytest.raises(InvalidInput, match="has no rows"):
        project_from_source(tmp_path / "new", empty)
    assert not (tmp_path / "new").exists()
    with pytest.raises(Conflict, match="not empty"):
        project_from_source(tmp_path, table)
    assert run(["init", str(tmp_path / "new"), "--target", "x"]) == 2
    assert run(["init", str(tmp_path / "new"), "--from", "x.csv", "--template", "iris"]) == 2
    assert "cannot be combined" in capsys.readouterr().err


def test_u05_column_names_cannot_leave_their_comment(tmp_path: Path) -> None:
    table = {'a"\\ #]': [1.0] * ROWS, **columns("kind")}
    project_from_source(tmp_path / "new", written(tmp_path, table, "data.parquet"))
    settings = tomllib.loads((tmp_path / "new" / "retread.toml").read_text())
    assert 'a"\\ #]' in settings["data"]["exclude"]


@pytest.mark.parametrize("name", ["new\nline.csv", "esc\x1b[2J.csv", "a b'\".csv", "\u202egnp.csv"])
def test_u05_b07_any_name_of_a_file_gives_settings_and_a_next_step(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(written(tmp_path, columns("kind")).read_bytes())
    folder = tmp_path / "my projects" / "new"
    assert run(["init", str(folder), "--from", str(tmp_path / name)]) == 0
    told = capsys.readouterr().out
    assert f"cd '{folder}'" in told
    assert all(line.isprintable() for line in told.splitlines())
    settings = tomllib.loads((folder / "retread.toml").read_text())
    assert (folder / settings["data"]["source"]).exists()


def test_u05_a_thousand_columns_are_not_listed_one_by_one(tmp_path: Path) -> None:
    table = tmp_path / "wide.csv"
    table.write_text(",".join(f"c{i}" for i in range(1000)) + "\n" + ",".join("1" * 1000) + "\n")
    with pytest.raises(InvalidInput, match=r"c1, c2.* and 988 more") as raised:
        project_from_source(tmp_path / "new", table, "price")
    assert len(str(raised.value)) < 1000


def test_u05_a_folder_of_images(tmp_path: Path) -> None:
    for label in ("good", "bad"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        write_image(tmp_path / "photos" / label / "1.jpg", seed=len(label))
    project_from_source(tmp_path / "new", tmp_path / "photos")
    settings = tomllib.loads((tmp_path / "new" / "retread.toml").read_text())
    assert settings["recipe"]["kind"] == "image-classification"
    assert settings["data"]["source"] == "../photos"
    with pytest.raises(InvalidInput, match="folder"):
        project_from_source(tmp_path / "other", tmp_path / "photos", "column")


def test_u18_init_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "flowers", "--template", "iris"]) == 0
    assert (
        "Next:\n  cd flowers\n  retread data add iris\n  retread train\n" in capsys.readouterr().out
    )
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run(["init", "."]) == 0
    printed = capsys.readouterr().out
    assert "cd ." not in printed
    assert "Put your data at data, as README.md says." in printed


@pytest.mark.parametrize("write", ["{}%", "$ {}", "({})"])
def test_d2_a_column_that_data_add_asks_about_is_not_excluded(write: str, tmp_path: Path) -> None:
    table = {**columns("quality"), "load": [write.format(i * 37 % 991) for i in range(ROWS)]}
    project_from_source(tmp_path / "p", written(tmp_path, table), "quality")
    settings = tomllib.loads((tmp_path / "p" / "retread.toml").read_text())
    assert "load" not in settings["data"]["exclude"]


def test_d10_dates_that_may_be_two_things_are_left_out_with_the_cure(tmp_path: Path) -> None:
    dates = [f"{i % 12 + 1:02}/{i % 11 + 1:02}/2020" for i in range(ROWS)]
    table = {**columns("quality"), "when": dates}
    project_from_source(tmp_path / "p", written(tmp_path, table), "quality")
    text = (tmp_path / "p" / "retread.toml").read_text()
    assert "may be day or month first: row " in text
    assert "%d/%m/%Y" in text
