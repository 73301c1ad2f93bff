"""`retread lineage` of requests whose ids are numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bundles import iris_bundle

from retread.app import Workspace
from retread.cli.main import run
from retread.project import open_project
from retread.serving import Answer, PredictionRecord


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "retread.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    made = Workspace(open_project(tmp_path, {}))
    bundle = iris_bundle(made.bundles)
    made.registry.register(bundle, run_id="run_1")
    answer = Answer(
        slot="production", version=1, bundle=bundle, outputs=(1.0, 0.0, 0.0), latency_ms=1.0
    )
    made.traffic.append(
        [
            PredictionRecord(id=name, at=1_700_000_000.0, key="", status=200, answer=answer)
            for name in ("12345", "1")
        ]
    )
    return made


@pytest.mark.slow
def test_a_request_id_can_be_a_number(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lineage", "12345"]) == 0
    assert "12345, predicted in production" in capsys.readouterr().out
    assert run(["lineage", "1"]) == 0
    assert "predicted in" not in capsys.readouterr().out
    assert run(["lineage", "54321"]) == 1
    assert "no model version 54321" in capsys.readouterr().err
