"""Runs recorded in MLflow, each found again by its key."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retread.bundle import Manifest, Parameter
from retread.core import digest_bytes
from retread.project import LoadedProject
from retread.training.progress import EpochFinished
from retread.training.request import TrainingOutcome, TrainingRequest
from retread.training.tracking.client import (
    BUNDLE_TAG,
    KEY_DIGEST_TAG,
    KEY_TAG,
    MODEL_FOLDER,
    PARENT_TAG,
    REASON_TAG,
    SCENARIO_TAG,
    connect,
    experiment,
    locked,
    place_of,
)
from retread.training.tracking.mlmodel import mlmodel

LEARNING_RATE = "Learning_rate"
# The names the originals logged, where they are not ours.
_LOGGED = {"F1": "F1_Score"}


class MlflowTracking:
    """A run that starts again continues under its id: what it logged before is not logged twice.

    A scenario is a parent run, itself found by its key.
    """

    def __init__(self, project: LoadedProject) -> None:
        self._place = place_of(project)
        self._client = connect(self._place)
        self._logged: dict[str, set[int]] = {}
        self._open: set[str] = set()

    def start(
        self, request: TrainingRequest, parameters: Mapping[str, Parameter], tags: Mapping[str, str]
    ) -> str:
        """Begin the run of this key, or the same one again; its id."""
        from mlflow.entities import Param, RunTag

        about = {
            **tags,
            "retread.cause": request.cause.kind.value,
            "retread.cause_detail": request.cause.detail,
            "retread.trigger": request.cause.trigger,
        }
        name = f"{request.model_type} {parameters.get('optimizer_type', '')}".strip()
        with locked(self._place):
            if request.parent:
                data = f"{request.dataset}@{request.dataset_version}"
                scenario = {**about, SCENARIO_TAG: request.scenario, "retread.dataset": data}
                about[PARENT_TAG] = self._run(request.parent, request.scenario, scenario)
            run_id = self._run(request.key, name, about)
            self._open.add(run_id)
        history = self._client.get_metric_history(run_id, LEARNING_RATE)
        self._logged[run_id] = {metric.step for metric in history}
        # MLflow refuses to change one; a run that goes on under newer code keeps its first.
        known = self._client.get_run(run_id).data.params
        self._client.log_batch(
            run_id,
            params=[Param(n, str(value)) for n, value in parameters.items() if n not in known],
            tags=[RunTag(name, value) for name, value in about.items()],
        )
        return run_id

    def epoch(self, run_id: str, epoch: EpochFinished) -> None:
        """Log an epoch; the same work done again gives the same figures, which are there."""
        if epoch.epoch in self._logged[run_id]:
            return
        figures = {**epoch.metrics, LEARNING_RATE: epoch.learning_rate}
        self._log(run_id, {_LOGGED.get(n, n): v for n, v in figures.items()}, epoch.epoch)

    def finish(self, run_id: str, outcome: TrainingOutcome, manifest: Manifest | None) -> None:
        """Close the run, and its scenario if no other run of it is open."""
        figures = {f"kept_{_LOGGED.get(n, n)}": v for n, v in outcome.metrics.items()}
        if manifest is not None:
            figures |= {f"evaluation_{_LOGGED.get(n, n)}": v for n, v in manifest.metrics.items()}
        self._log(run_id, figures, outcome.epochs)
        self._client.set_tag(run_id, BUNDLE_TAG, outcome.bundle)
        self._client.set_tag(run_id, REASON_TAG, outcome.reason)
        self._close(run_id, "FINISHED")

    def model(self, run_id: str, graph: bytes) -> None:
        """Keep the graph as an ONNX model that MLflow can load."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.onnx").write_bytes(graph)
            described = json.dumps(mlmodel(run_id), indent=2)
            (Path(folder) / "MLmodel").write_text(described, encoding="utf-8")
            self._client.log_artifacts(run_id, folder, artifact_path=MODEL_FOLDER)

    def fail(self, run_id: str, reason: str) -> None:
        self._client.set_tag(run_id, REASON_TAG, reason[:4000])
        self._close(run_id, "FAILED")

    def interrupt(self) -> None:
        """The runs that are open were stopped from outside; they may start again."""
        for run_id in tuple(self._open):
            self._close(run_id, "KILLED")

    def _run(self, key: str, name: str, tags: Mapping[str, str]) -> str:
        key_digest = digest_bytes(key.encode())
        place = experiment(self._client, self._place)
        found = self._client.search_runs(
            [place], f"tags.`{KEY_DIGEST_TAG}` = '{key_digest}'", max_results=1
        )
        if found:
            run_id = str(found[0].info.run_id)
            self._client.update_run(run_id, status="RUNNING")
            return run_id
        identity = {KEY_TAG: key, KEY_DIGEST_TAG: key_digest}
        run = self._client.create_run(place, tags={**tags, **identity}, run_name=name)
        return str(run.info.run_id)

    def _close(self, run_id: str, status: str) -> None:
        with locked(self._place):
            self._client.set_terminated(run_id, status=status)
            self._open.discard(run_id)
            parent = self._client.get_run(run_id).data.tags.get(PARENT_TAG)
            if not parent:
                return
            place = experiment(self._client, self._place)
            runs = self._client.search_runs([place], f"tags.`{PARENT_TAG}` = '{parent}'")
            states = {run.info.status for run in runs}
            if "RUNNING" not in states:
                self._client.set_terminated(
                    parent, status="FINISHED" if "FINISHED" in states else status
                )

    def _log(self, run_id: str, figures: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        metrics: list[Any] = [Metric(name, value, now, step) for name, value in figures.items()]
        self._client.log_batch(run_id, metrics=metrics)
