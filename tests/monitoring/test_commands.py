"""`retread monitor` and `retread simulate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.monitoring.harness import MonitorHarness

from retread.app import Workspace
from retread.cli.main import run
from retread.project import open_project


@pytest.fixture
def project(harness: MonitorHarness, tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "retread.toml").write_text("[monitoring]\nwindow = 50\n")
    space = Workspace(open_project(folder, {}))
    harness.ledger, harness.bundles, harness.database = space.ledger, space.bundles, space.database
    harness.traffic, harness.labels = space.traffic, space.labels
    return folder


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_before_production_it_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["monitor", "report", "--project", str(project)]) == 0
    assert "No version is in production" in capsys.readouterr().out
    assert run(["monitor", "check", "--project", str(project), "--json"]) == 0
    assert printed(capsys)["alarm"] is False


def test_check_exits_with_four_when_there_is_an_alarm(
    harness: MonitorHarness,
    project: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 100, prefix="a"))
    assert run(["monitor", "check", "--project", str(project)]) == 0
    assert capsys.readouterr().out == "No alarm.\n"
    harness.traffic.append(harness.records(rng, 100, prefix="b", brightness=0.8))
    assert run(["monitor", "check", "--project", str(project)]) == 4
    assert capsys.readouterr().err == "Version 1: drift in brightness.\n"


def test_the_report_is_text_json_and_a_page(
    harness: MonitorHarness,
    project: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference = harness.reference(rng)
    reference = replace(
        reference, numeric={**reference.numeric, "<script>[red]": rng.normal(size=400)}
    )
    harness.promote(1, reference, {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 100, prefix="a"))
    harness.labels.put([("a1", "good"), ("unknown", "good")], 0.0)
    page = project / "report.html"
    assert run(["monitor", "report", "--project", str(project), "--html", str(page)]) == 0
    text = capsys.readouterr().out
    assert "<script>[red]" in text
    assert "Accuracy" in text
    assert "1 label matched no recent prediction." in text
    html = page.read_text()
    assert "1 label could not be joined to a prediction" in html
    assert "&lt;script&gt;[red]" in html
    assert "<script>" not in html
    assert run(["monitor", "report", "--project", str(project), "--json"]) == 0
    report = printed(capsys)
    assert (report["version"], report["windows"], report["requests"]) == (1, 2, 100)
    assert {s["name"] for s in report["streams"] if s["drifted"]} == {"<script>[red]"}


def test_u01_check_tells_a_failure_from_an_alarm(
    harness: MonitorHarness,
    project: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whatever keeps the monitor from looking: exit code 5 and a sentence, no traceback."""
    harness.promote(1, harness.reference(rng), {"Accuracy": 0.9})
    harness.traffic.append(harness.records(rng, 100, prefix="a", brightness=0.9))
    name = f"broken_{project.parent.name}"  # imported once per process
    (project / f"{name}.py").write_text(
        "from retread.monitoring.detectors.conformal import detector as make\n"
        "class Broken:\n"
        "    def start(self, reference, seed): return make().start(reference, seed)\n"
        "    def update(self, state, batch): raise KeyError('brightness')\n"
        "    def evidence(self, state): return {}\n"
        "    def encode(self, state): return b''\n"
        "    def decode(self, content): return None\n"
    )
    settings = (project / "retread.toml").read_text()
    (project / "retread.toml").write_text(settings + f'detectors = ["{name}:Broken"]\n')
    assert run(["monitor", "check", "--project", str(project)]) == 5
    printed = capsys.readouterr()
    assert printed.out == "The monitor has failed.\n"
    assert "KeyError: 'brightness'" in printed.err
    (project / "retread.toml").write_text(settings)
    assert run(["monitor", "check", "--project", str(project)]) == 4
    capsys.readouterr()
    (reference,) = (project / ".retread" / "bundles").rglob("reference.npz")
    reference.write_bytes(b"damaged")
    for command in ("check", "report"):
        assert run(["monitor", command, "--project", str(project), "--json"]) == 5
        assert "The monitor failed: " in capsys.readouterr().err


def test_simulate_prints_the_guarantees(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--rollouts", "4", "--windows", "2", "--watches", "2"]
    assert run(["simulate", "--project", str(project), "--json", *few]) == 0
    figures = printed(capsys)
    ends = {f["canary"]: f for f in figures["rollouts"]}
    assert ends["labels flipped"]["rolled_back"] == 4
    assert {w["watches"] for w in figures["watches"]} == {2}
    assert run(["simulate", "--project", str(project), *few]) == 0
    assert "worse by the margin" in capsys.readouterr().out
