"""Record runs in MLflow, where each is found again by its key."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from retread.bundle import Manifest, Parameter
from retread.core import digest_bytes
from retread.project import LoadedProject
from retread.training.request import EpochFinished, TrainingOutcome, TrainingRequest
from retread.training.tracking.mlflow_store import (
    BUNDLE_TAG,
    KEY_DIGEST_TAG,
    KEY_TAG,
    MODEL_FOLDER,
    PARENT_TAG,
    REASON_TAG,
    SCENARIO_TAG,
    connect,
    experiment_id,
    location_of,
)

LEARNING_RATE = "Learning_rate"
# Names in MLflow, where they differ from the declared ones.
_LOGGED_NAMES = {"F1": "F1_Score"}


class MlflowTracking:
    """The port `Tracking` for MLflow.

    A run that starts again continues under its id, and what it logged before is not logged twice.
    A scenario is a parent run, which is itself found by its key.
    """

    def __init__(self, project: LoadedProject) -> None:
        # Importing MLflow takes seconds, which belong to the run that waits for it.
        self._began_ms = int(time.time() * 1000)
        self._location = location_of(project)
        self._client = connect(self._location)
        self._logged: dict[str, set[int]] = {}
        self._open: set[str] = set()

    def start(
        self, request: TrainingRequest, parameters: Mapping[str, Parameter], tags: Mapping[str, str]
    ) -> str:
        """Start the run of a request, or resume it, and return its id."""
        from mlflow.entities import RunTag

        run_tags = {
            **tags,
            "retread.cause": request.cause.kind.value,
            "retread.cause_detail": request.cause.detail,
            "retread.trigger": request.cause.trigger,
        }
        name = f"{request.model_type} {parameters.get('optimizer_type', '')}".strip()
        with self._location.lock():
            if request.parent is not None:
                data = f"{request.dataset}@{request.dataset_version}"
                scenario = request.scenario or ""
                parent_tags = {**run_tags, SCENARIO_TAG: scenario, "retread.dataset": data}
                run_tags[PARENT_TAG] = self._run(request.parent, scenario, parent_tags)
            run_id = self._run(request.key, name, run_tags)
            self._open.add(run_id)
        self._logged[run_id] = self._logged_epochs(run_id)
        self._record(run_id, parameters)
        tags_of_run = [RunTag(name, value) for name, value in run_tags.items()]
        self._client.log_batch(run_id, tags=tags_of_run)
        self._log_dataset(run_id, request)
        return run_id

    def log_epoch(self, run_id: str, epoch: EpochFinished) -> None:
        """Log an epoch, unless it is already logged: repeated work gives the same metrics."""
        if epoch.epoch in self._logged[run_id]:
            return
        metrics = dict(epoch.metrics)
        if epoch.learning_rate is not None:
            metrics[LEARNING_RATE] = epoch.learning_rate
        self._log(run_id, {_LOGGED_NAMES.get(n, n): v for n, v in metrics.items()}, epoch.epoch)

    def log_model(self, run_id: str, graph: bytes) -> None:
        """Store the graph as an ONNX model that MLflow can load."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.onnx").write_bytes(graph)
            description = json.dumps(_model_description(run_id), indent=2)
            (Path(folder) / "MLmodel").write_text(description, encoding="utf-8")
            self._client.log_artifacts(run_id, folder, artifact_path=MODEL_FOLDER)

    def finish(self, run_id: str, outcome: TrainingOutcome, manifest: Manifest | None) -> None:
        """Close a run that finished, and its scenario if no other run of it is open."""
        metrics = {f"kept_{_LOGGED_NAMES.get(n, n)}": v for n, v in outcome.metrics.items()}
        if manifest is not None:
            metrics |= {
                f"evaluation_{_LOGGED_NAMES.get(n, n)}": v for n, v in manifest.metrics.items()
            }
        self._log(run_id, metrics, outcome.epochs)
        self._record(run_id, outcome.parameters)
        self._client.set_tag(run_id, BUNDLE_TAG, outcome.bundle)
        self._client.set_tag(run_id, REASON_TAG, outcome.reason)
        self._close(run_id, "FINISHED")

    def fail(self, run_id: str, reason: str) -> None:
        """Close a run that failed."""
        self._client.set_tag(run_id, REASON_TAG, reason[:4000])
        self._close(run_id, "FAILED")

    def interrupt(self) -> None:
        """Close all open runs as killed; they may start again."""
        for run_id in tuple(self._open):
            self._close(run_id, "KILLED")

    def _run(self, key: str, name: str, tags: Mapping[str, str]) -> str:
        key_digest = digest_bytes(key.encode())
        experiment = experiment_id(self._client, self._location)
        found = self._client.search_runs(
            [experiment], f"tags.`{KEY_DIGEST_TAG}` = '{key_digest}'", max_results=1
        )
        if found:
            run_id = str(found[0].info.run_id)
            self._client.update_run(run_id, status="RUNNING")
            return run_id
        identity = {KEY_TAG: key, KEY_DIGEST_TAG: key_digest}
        run = self._client.create_run(
            experiment, start_time=self._began_ms, tags={**tags, **identity}, run_name=name
        )
        return str(run.info.run_id)

    def _record(self, run_id: str, parameters: Mapping[str, Parameter]) -> None:
        from mlflow.entities import Param

        # MLflow refuses to change a parameter; a run resumed under newer code keeps its first.
        known = self._client.get_run(run_id).data.params
        new = [Param(n, str(value)) for n, value in parameters.items() if n not in known]
        self._client.log_batch(run_id, params=new)

    def _logged_epochs(self, run_id: str) -> set[int]:
        names = self._client.get_run(run_id).data.metrics
        return {
            metric.step
            for name in names
            if not name.startswith(("kept_", "evaluation_"))
            for metric in self._client.get_metric_history(run_id, name)
        }

    def _close(self, run_id: str, status: str) -> None:
        with self._location.lock():
            self._client.set_terminated(run_id, status=status)
            self._open.discard(run_id)
            parent = self._client.get_run(run_id).data.tags.get(PARENT_TAG)
            if not parent:
                return
            experiment = experiment_id(self._client, self._location)
            runs = self._client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{parent}'")
            states = {run.info.status for run in runs}
            if "RUNNING" not in states:
                self._client.set_terminated(
                    parent, status="FINISHED" if "FINISHED" in states else status
                )

    def _log_dataset(self, run_id: str, request: TrainingRequest) -> None:
        """Name the dataset version of a run where MLflow shows datasets; once, if repeated."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(
            name=request.dataset,
            digest=f"version {request.dataset_version}",
            source_type="retread",
            source=json.dumps({"version": f"{request.dataset}@{request.dataset_version}"}),
        )
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset, [context])])

    def _log(self, run_id: str, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        metrics: list[Any] = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(run_id, metrics=metrics)


def _model_description(run_id: str) -> dict[str, Any]:
    """Return the content of the file `MLmodel`, which makes a folder a model of the ONNX flavor.

    MLflow's own `save_model` needs seconds of imports, and writes an environment that the bundle
    already has. The format is documented under "MLflow Model": YAML, of which JSON is a subset.
    """
    return {
        "artifact_path": MODEL_FOLDER,
        "run_id": run_id,
        "mlflow_version": metadata.version("mlflow"),
        "flavors": {
            "onnx": {
                "data": "model.onnx",
                "onnx_version": metadata.version("onnx"),
                "providers": ["CPUExecutionProvider"],
                "code": None,
            },
            "python_function": {
                "loader_module": "mlflow.onnx",
                "data": "model.onnx",
                "env": {},
            },
        },
    }
