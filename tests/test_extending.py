"""The examples of docs/extending.md, each in a project that names it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import retread
from retread.core import Outcome
from retread.monitoring import Streams, load_detector
from retread.notify import Message, configured_notifiers
from retread.project import open_project

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
MODULES = re.findall(
    r"^```python\n# (\w+)\.py\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
)
SETTINGS = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

MakeProject = Callable[[str], retread.Project]


@pytest.fixture
def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProject:
    """The iris project with the example modules beside it, and one of the settings."""
    folder = tmp_path / "iris"

    def make(key: str) -> retread.Project:
        retread.init(folder, template="iris")
        for name, code in MODULES:
            (folder / f"{name}.py").write_text(code)
            monkeypatch.delitem(sys.modules, name, raising=False)
        (wanted,) = (text for text in SETTINGS if key in text)
        section, line = wanted.strip().split("\n")
        settings = folder / "retread.toml"
        text = settings.read_text()
        if section in text:
            start = text.index(section)
            key_line = re.compile(rf"^{key} = .*\n", re.MULTILINE)
            text = text[:start] + key_line.sub("", text[start:], count=1)
            text = text.replace(section, f"{section}\n{line}")
        else:
            text += f"\n{section}\n{line}\n"
        settings.write_text(text)
        return retread.open(folder)

    monkeypatch.setattr(sys, "path", [*sys.path])
    return make


def test_the_examples_are_short() -> None:
    names = [name for name, _ in MODULES]
    assert names == ["my_models", "my_sources", "my_checks", "my_detectors", "my_notifiers"]
    for name, code in MODULES:
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) <= 18, name


@pytest.mark.slow
def test_a_model_type(make_project: MakeProject) -> None:
    project = make_project("model_type")
    project.data.add()
    (run,) = project.train(scenario="")
    assert run.model_type == "my_models:nearest"
    assert run.version is not None
    assert run.version.gate().outcome is Outcome.PASS


def test_a_data_source(make_project: MakeProject) -> None:
    project = make_project("extra_sources")
    table = (project.root / "iris.csv").read_text().replace(",", " ")
    (project.root / "iris.txt").write_text(table)
    added = project.data.add("iris.txt")
    assert (added.rows, len(added.schema.columns), len(added.labels)) == (150, 4, 3)


@pytest.mark.slow
def test_a_gate_check(make_project: MakeProject) -> None:
    project = make_project("extra_checks")
    project.data.add()
    verdict = project.train(scenario="").best().gate()
    (check,) = (check for check in verdict.checks if check.check == "fairness")
    assert check.outcome is Outcome.PASS
    assert "0.5 is allowed" in check.reason


def test_a_detector(make_project: MakeProject) -> None:
    name = make_project("detectors")._workspace.settings.monitoring.detectors[1]
    detector = load_detector(name)

    def petals(length: float) -> Streams:
        values = {"petal_length": np.full(100, length)}
        return Streams(100, values, {}, np.zeros((100, 0), dtype=np.float32))

    start = detector.start(petals(5.0), seed=0)
    quiet, longer = (detector.update(start, petals(length)) for length in (4.0, 6.0))
    assert detector.evidence(quiet)["petal_length"] < 1
    assert detector.evidence(longer)["petal_length"] > np.log(1000)
    assert detector.evidence(detector.decode(detector.encode(longer))) == detector.evidence(longer)


def test_a_notifier(make_project: MakeProject, tmp_path: Path) -> None:
    root = make_project("extra_notifiers").root
    file = tmp_path / "messages.log"
    notifiers = configured_notifiers(open_project(root, {}), {"MESSAGES": str(file)})
    notifiers["my_notifiers:LogFile"].send(Message(title="Drift", lines=("3 streams",)))
    assert file.read_text() == "info | Drift | 3 streams\n"
