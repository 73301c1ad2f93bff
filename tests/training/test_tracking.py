"""Runs in MLflow's own store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.bundles import constant_bundle

from retread.bundle import MODEL, Cause, CauseKind, LocalBundleStore
from retread.core import IntegrityBroken, NotFound
from retread.project import LoadedProject, Settings
from retread.training import EpochFinished, TrainingOutcome, TrainingRequest
from retread.training.tracking import (
    MlflowAliases,
    MlflowRuns,
    MlflowTracking,
    RunSummary,
    differences,
)
from retread.training.tracking.mlflow_store import connect, experiment_path, location_of

REQUEST = {
    "dataset": "d",
    "dataset_version": 1,
    "model_type": "cnn",
    "optimizer_type": "adam",
    "epochs": 3,
    "learning_rate": 0.01,
    "batch_size": 8,
    "sample": 1.0,
    "seed": 0,
    "cause": Cause(kind=CauseKind.DRIFT, detail="brightness"),
}
METRICS = {"Loss": 0.5, "Accuracy": 0.75, "Precision": 0.5, "Recall": 1.0, "F1": 0.6}


def request(key: str, **changes: Any) -> TrainingRequest:
    return TrainingRequest(key=key, **{**REQUEST, **changes})


def epoch(number: int, loss: float) -> EpochFinished:
    return EpochFinished(
        key="a",
        epoch=number,
        epochs=3,
        metrics=METRICS | {"Loss": loss},
        learning_rate=0.01 / number,
        kept=True,
        seconds=1.0,
    )


def outcome(run_id: str, bundle: str = "", reason: str = "too bad") -> TrainingOutcome:
    return TrainingOutcome(
        key="a",
        run_id=run_id,
        model_type="cnn",
        metrics=METRICS,
        epochs=2,
        seconds=2.0,
        bundle=bundle,
        reason=reason,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> LoadedProject:
    root = tmp_path_factory.mktemp("tracked")
    return LoadedProject(root=root, home=root / ".retread", settings=Settings())


def test_a_run_is_recorded_with_its_metrics_and_cause(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    run_id = tracking.start(request("a"), {"optimizer_type": "adam", "epochs": 3}, {})
    tracking.log_epoch(run_id, epoch(1, 0.7))
    tracking.log_epoch(run_id, epoch(2, 0.5))
    tracking.finish(run_id, outcome(run_id), None)
    run = connect(location_of(project)).get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"optimizer_type": "adam", "epochs": "3"}
    assert run.data.tags["retread.cause"] == "drift"
    assert run.data.tags["retread.reason"] == "too bad"
    history = MlflowRuns(project).history(run_id)
    assert history["Loss"] == [(1, 0.7), (2, 0.5)]
    assert history["Learning_rate"] == [(1, 0.01), (2, 0.005)]
    assert {"Accuracy", "Precision", "Recall", "F1_Score", "kept_Loss"} <= set(history)


@pytest.mark.slow
def test_the_same_key_is_the_same_run_and_no_epoch_is_logged_twice(project: LoadedProject) -> None:
    first = MlflowTracking(project)
    run_id = first.start(request("it's `odd`"), {"epochs": 3}, {})
    first.log_epoch(run_id, epoch(1, 0.7))
    again = MlflowTracking(project)
    assert again.start(request("it's `odd`"), {"epochs": 3}, {}) == run_id
    again.log_epoch(run_id, epoch(1, 0.7))
    again.log_epoch(run_id, epoch(2, 0.6))
    assert MlflowRuns(project).history(run_id)["Loss"] == [(1, 0.7), (2, 0.6)]
    again.fail(run_id, "the disk is full")
    assert MlflowRuns(project).run(run_id).status == "FAILED"
    assert MlflowRuns(project).run(run_id).reason == "the disk is full"


def test_a_scenario_is_a_parent_with_children(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    children = [request(f"s/{n}", parent="s", scenario="both") for n in (1, 2)]
    ids = [tracking.start(child, {}, {}) for child in children]

    def runs() -> dict[str, RunSummary]:
        return {run.run_id: run for run in MlflowRuns(project).latest()}

    (parent,) = {runs()[run_id].parent for run_id in ids}
    assert (runs()[parent].key, runs()[parent].name) == ("s", "both")
    assert [run.key for run in runs().values()].count("s") == 1
    tracking.finish(ids[0], outcome(ids[0]), None)
    assert runs()[parent].status == "RUNNING", "one of its runs has not finished"
    tracking.fail(ids[1], "the disk is full")
    assert [runs()[run_id].status for run_id in (*ids, parent)] == [
        "FINISHED",
        "FAILED",
        "FINISHED",
    ]


def test_a_scenario_in_which_every_run_failed_has_failed(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    run_id = tracking.start(request("t/1", parent="t", scenario="one"), {}, {})
    tracking.fail(run_id, "the disk is full")
    states = {run.key: run.status for run in MlflowRuns(project).latest()}
    assert (states["t"], states["t/1"]) == ("FAILED", "FAILED")


def test_a_run_resumed_under_other_code_keeps_its_parameters(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    run_id = tracking.start(request("older"), {"model_version": "old"}, {})
    assert tracking.start(request("older"), {"model_version": "new", "seed": 3}, {}) == run_id
    parameters = MlflowRuns(project).run(run_id).parameters
    assert parameters == {"model_version": "old", "seed": "3"}


def test_runs_are_found_by_the_first_characters_of_their_id(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    one = tracking.start(request("one"), {"epochs": 3}, {})
    two = tracking.start(request("two"), {"epochs": 4}, {})
    runs = MlflowRuns(project)
    assert runs.run(one[:20]).run_id == one
    with pytest.raises(NotFound, match="retread runs list"):
        runs.run("no such run")
    found = differences(runs.run(one), runs.run(two))
    assert [(d.name, d.left, d.right) for d in found] == [("epochs", "3", "4")]


@pytest.mark.slow
def test_stages_are_published_as_aliases(project: LoadedProject) -> None:
    tracking = MlflowTracking(project)
    ids = [tracking.start(request(f"m{n}"), {}, {}) for n in range(2)]
    for run_id in ids:
        tracking.log_model(run_id, b"graph")
    aliases, client = MlflowAliases(project), connect(location_of(project))
    name = location_of(project).name
    for aliases_now in (
        {"staging": ids[0]},
        {"production": ids[0], "staging": ids[1]},
        {"production": ids[1]},
        {},
    ):
        aliases.mirror({a: (r, ids.index(r) + 7) for a, r in aliases_now.items()})
        model = client.get_registered_model(name)
        found = {a: client.get_model_version(name, v).run_id for a, v in model.aliases.items()}
        assert found == aliases_now
    mirrored = client.search_model_versions(f"name = '{name}'")
    numbers = {version.run_id: version.tags["retread.version"] for version in mirrored}
    assert numbers == {ids[0]: "7", ids[1]: "8"}, "U10: MLflow numbers models by itself"


# Loading a flavor imports most of MLflow, which causes warnings of its own.
@pytest.mark.filterwarnings("default")
@pytest.mark.slow
def test_mlflow_loads_the_model_of_an_alias(project: LoadedProject, tmp_path: Path) -> None:
    import mlflow
    import numpy as np

    store = LocalBundleStore(tmp_path / "bundles")
    probabilities = [0.125, 0.25, 0.625]
    graph = store.read(constant_bundle(store, probabilities), MODEL)
    tracking = MlflowTracking(project)
    run_id = tracking.start(request("loaded"), {}, {})
    tracking.log_model(run_id, graph)
    MlflowAliases(project).mirror({"production": (run_id, 1)})
    mlflow.set_tracking_uri(project.tracking_url)
    uri = f"models:/{project.settings.project.name}@production"
    assert mlflow.onnx.load_model(uri).graph.name == "table"
    rows = np.zeros((1, 4), dtype=np.float32)
    predicted = mlflow.pyfunc.load_model(uri).predict({"features": rows})
    assert predicted["probabilities"].tolist() == [probabilities]


@pytest.mark.parametrize("damage", ["garbage", "folder"])
def test_a_damaged_store_is_an_error_at_once(tmp_path: Path, damage: str) -> None:
    project = LoadedProject(root=tmp_path, home=tmp_path, settings=Settings())
    file = location_of(project).file
    if damage == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"garbage" * 500)
    with pytest.raises(IntegrityBroken, match=r"mlflow\.db cannot be read"):
        MlflowRuns(project)


@pytest.mark.slow
def test_u10_mlflow_names_the_dataset_of_a_run_and_the_page_of_the_experiment(
    tmp_path: Path,
) -> None:
    project = LoadedProject(root=tmp_path, home=tmp_path / ".retread", settings=Settings())
    assert experiment_path(project) == ""
    tracking = MlflowTracking(project)
    assert experiment_path(project) == ""
    for _ in range(2):  # a run that is resumed
        run_id = tracking.start(request("a", dataset="tires", dataset_version=3), {}, {})
    client = connect(location_of(project))
    (used,) = client.get_run(run_id).inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("tires", "version 3")
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    experiment = client.get_run(run_id).info.experiment_id
    assert experiment_path(project) == f"/#/experiments/{experiment}/runs"
