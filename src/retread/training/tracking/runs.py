"""Read runs back from MLflow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from retread.core import NotFound
from retread.project import LoadedProject
from retread.training.tracking.mlflow_store import (
    BUNDLE_TAG,
    KEY_TAG,
    PARENT_TAG,
    REASON_TAG,
    connect,
    location_of,
)


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as MLflow has it.

    Attributes:
        seconds: Duration; None while it is running.
        key: Key of the request; "" for a run that Retread did not make.
        parent: Id of the scenario's run; "" if there is none.
        bundle: Digest of the bundle; "" if the run produced none.
        reason: Why the run produced no bundle; "" if it produced one.
        metrics: The latest value of each metric.
    """

    run_id: str
    name: str
    status: str
    started_at: str
    seconds: float | None
    key: str
    parent: str
    bundle: str
    reason: str
    parameters: dict[str, str]
    metrics: dict[str, float]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter or metric that differs between two runs; None where a run does not have it."""

    name: str
    left: str | float | None
    right: str | float | None


class MlflowRuns:
    """The runs of a project."""

    def __init__(self, project: LoadedProject) -> None:
        self._location = location_of(project)
        self._client = connect(self._location)

    def latest(self, limit: int = 100) -> tuple[RunSummary, ...]:
        """Return the latest runs, newest first."""
        found = self._client.get_experiment_by_name(self._location.name)
        if found is None:
            return ()
        runs = self._client.search_runs([found.experiment_id], max_results=limit)
        return tuple(_summary(run) for run in runs)

    def run(self, run_id: str) -> RunSummary:
        """Return one run.

        Args:
            run_id: The run's id, or the first characters of it.

        Raises:
            NotFound: No run has that id, or several ids start like this.
        """
        matches = [run for run in self.latest(50_000) if run.run_id.startswith(run_id)]
        if len(matches) != 1:
            what = "No run has the id" if not matches else "Several runs have an id starting with"
            raise NotFound(f"{what} {run_id!r}.", "List runs with: retread runs list")
        return matches[0]

    def history(self, run_id: str) -> dict[str, list[tuple[int, float]]]:
        """Return the (epoch, value) pairs of each metric, by its name."""
        names = self._client.get_run(run_id).data.metrics
        return {
            name: [(m.step, m.value) for m in self._client.get_metric_history(run_id, name)]
            for name in sorted(names)
        }


def differences(left: RunSummary, right: RunSummary) -> tuple[Difference, ...]:
    """Compare two runs and return what differs: first parameters, then metrics."""
    pairs: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
        (left.parameters, right.parameters),
        (left.metrics, right.metrics),
    )
    return tuple(
        Difference(name=name, left=one.get(name), right=other.get(name))
        for one, other in pairs
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    )


def _summary(run: Any) -> RunSummary:
    info, tags = run.info, run.data.tags
    ended = (info.end_time - info.start_time) / 1000 if info.end_time else None
    return RunSummary(
        run_id=info.run_id,
        name=info.run_name,
        status=info.status,
        started_at=datetime.fromtimestamp(info.start_time / 1000, UTC).isoformat(),
        seconds=ended,
        key=tags.get(KEY_TAG, ""),
        parent=tags.get(PARENT_TAG, ""),
        bundle=tags.get(BUNDLE_TAG, ""),
        reason=tags.get(REASON_TAG, ""),
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )
