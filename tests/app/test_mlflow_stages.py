"""Stages as MLflow aliases, by a real process."""

from __future__ import annotations

import pytest
from tests.serving.running import until

from retread.app import Workspace
from retread.app.mlflow_stages import MIRRORED, ProcessMirror
from retread.bundle import Cause
from retread.project import LoadedProject
from retread.training import TrainingRequest
from retread.training.tracking import MlflowTracking
from retread.training.tracking.mlflow_store import connect, location_of


def tracked_run(project: LoadedProject, key: str) -> str:
    """A run with a model in MLflow's store."""
    request = TrainingRequest(
        key=key,
        dataset="iris",
        dataset_version=1,
        model_type="random_forest",
        optimizer_type="adam",
        epochs=1,
        learning_rate=0.1,
        batch_size=8,
        sample=1.0,
        seed=0,
        cause=Cause(),
    )
    tracking = MlflowTracking(project)
    run_id = tracking.start(request, {}, {})
    tracking.log_model(run_id, b"graph")
    return run_id


def aliases_in_mlflow(project: LoadedProject) -> dict[str, str]:
    client, name = connect(location_of(project)), location_of(project).name
    found = client.search_registered_models(f"name = '{name}'")
    aliases = found[0].aliases if found else {}
    return {a: client.get_model_version(name, v).run_id for a, v in aliases.items()}


def test_before_anything_is_tracked_no_process_is_started(project: LoadedProject) -> None:
    ProcessMirror(project).mirror({"production": ("run", 1)})
    assert not (project.logs / "stage-mirror.log").exists()


@pytest.mark.slow
def test_the_latest_stages_are_mirrored_once(project: LoadedProject) -> None:
    first, second = tracked_run(project, "a"), tracked_run(project, "b")
    mirror = Workspace(project).mirror
    mirror.mirror({"staging": (first, 1)})
    # Changes while it is busy are not queued: the last one counts.
    mirror.mirror({"production": (first, 1)})
    mirror.mirror({"production": (first, 1), "staging": (second, 2)})
    until(
        lambda: aliases_in_mlflow(project) == {"production": first, "staging": second},
        "both stages in MLflow",
    )
    until(lambda: second in mirrored(project), "the mirrored stages are stored")
    log = project.logs / "stage-mirror.log"
    assert log.read_text() == ""
    log.unlink()
    ProcessMirror(project).mirror({"staging": (second, 2), "production": (first, 1)})
    assert not log.exists()
    ProcessMirror(project).mirror({"production": (second, 2)})
    until(lambda: aliases_in_mlflow(project) == {"production": second}, "the new stage in MLflow")
    until(lambda: first not in mirrored(project), "the new stage is stored")


def mirrored(project: LoadedProject) -> str:
    path = project.home / MIRRORED
    return path.read_text() if path.is_file() else ""
