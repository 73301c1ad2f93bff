"""The steps of the CI file that a new project gets, as a runner would take them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own

from retread.app.projects import new_project
from retread.project.templates import template_files

FILE = ".github/workflows/retread.yml"


def steps() -> list[dict[str, Any]]:
    document = yaml.safe_load(template_files("iris")[FILE])
    found: list[dict[str, Any]] = document["jobs"]["gate"]["steps"]
    return found


def judged(project: Path, message: str) -> subprocess.CompletedProcess[str]:
    """The last step, in the shell that the file asks for; its report is `summary.md`."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps()[-1]["run"]],
        cwd=project,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "RETREAD_COMMIT_MESSAGE": message,
            "GITHUB_STEP_SUMMARY": str(project / "summary.md"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_actions_are_pinned_and_nothing_of_an_event_is_in_a_script() -> None:
    for step in steps():
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
        assert "${{" not in step.get("run", "")


def test_no_text_of_a_commit_reaches_the_option_model_type() -> None:
    assert b"--model-type" not in template_files("iris")[FILE]


@pytest.mark.slow
def test_a_change_is_trained_judged_and_reported(tmp_path: Path) -> None:
    project = tmp_path / "iris"
    new_project(project, "iris")
    message = 'Try this\n\n$(touch pwned) `touch pwned` "; touch pwned\nmodel: random_forest'
    done = judged(project, message)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradient_boosting" not in done.stdout
    assert "threshold" in (project / "summary.md").read_text("utf-8")
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.slow
def test_a_model_type_that_does_not_exist_fails(tmp_path: Path) -> None:
    project = tmp_path / "iris"
    new_project(project, "iris")
    done = judged(project, "model: oracle")
    assert done.returncode != 0
    assert "oracle" in done.stderr


@pytest.mark.slow
def test_without_data_it_says_that_nothing_was_trained(tmp_path: Path) -> None:
    project = tmp_path / "tires"
    new_project(project, "tires")
    done = judged(project, "")
    assert done.returncode == 0
    assert "::warning::Nothing was trained" in done.stdout
