"""Names of recipes, model types and detectors are checked before anything else is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retread.app.projects import known_names
from retread.cli.main import run
from retread.data import LanceDatasetStore
from retread.project import load_settings
from retread.project.templates import template_files, template_names


def test_each_recipe_has_its_model_types() -> None:
    known = known_names()
    assert set(known.recipes) == {
        "image-classification",
        "tabular-classification",
        "tabular-regression",
    }
    assert "cnn" in known.model_types["image-classification"]
    assert "random_forest" in known.model_types["tabular-regression"]
    assert "cnn" not in known.model_types["tabular-regression"]


def test_names_are_listed_without_importing_the_libraries_behind_them() -> None:
    code = (
        "import sys; from retread.app.projects import known_names; known_names()\n"
        "sys.exit(bool({'torch', 'sklearn', 'mlflow', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", template_names())
def test_templates_use_existing_names(name: str, tmp_path: Path) -> None:
    (tmp_path / "retread.toml").write_bytes(template_files(name)["retread.toml"])
    assert load_settings(tmp_path / "retread.toml", {}, known_names()).data.dataset


def test_no_data_is_added_with_an_unknown_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "retread.toml").write_text("[recipe]\nkind = 'tabular-clasification'\n")
    (tmp_path / "x.csv").write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(90)))
    command = ["data", "add", "it", str(tmp_path / "x.csv"), "--labels", "y"]
    assert run([*command, "--project", str(tmp_path)]) == 1
    assert "recipe.kind: there is no recipe 'tabular-clasification'" in capsys.readouterr().err
    assert LanceDatasetStore(tmp_path / ".retread" / "datasets").datasets() == ()
