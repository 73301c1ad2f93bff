"""Runs as MLflow has them, read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from retread.core import NotFound
from retread.project import LoadedProject
from retread.training.tracking.client import (
    BUNDLE_TAG,
    KEY_TAG,
    PARENT_TAG,
    REASON_TAG,
    connect,
    place_of,
)


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run; `metrics` are the latest values, `bundle` is '' when it left none."""

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
    """One figure or parameter of two runs; None where a run has none."""

    name: str
    left: str | float | None
    right: str | float | None


class MlflowRuns:
    """The project's runs."""

    def __init__(self, project: LoadedProject) -> None:
        self._place = place_of(project)
        self._client = connect(self._place)

    def latest(self, limit: int = 100) -> tuple[RunSummary, ...]:
        """The newest runs first."""
        found = self._client.get_experiment_by_name(self._place.name)
        if found is None:
            return ()
        runs = self._client.search_runs([found.experiment_id], max_results=limit)
        return tuple(_summary(run) for run in runs)

    def run(self, run_id: str) -> RunSummary:
        """One run by its id or by the beginning of it; NotFound."""
        matches = [run for run in self.latest(50_000) if run.run_id.startswith(run_id)]
        if len(matches) != 1:
            what = "No run" if not matches else "More than one run"
            raise NotFound(f"{what} has the id {run_id!r}.", "List them with: retread runs list")
        return matches[0]

    def history(self, run_id: str) -> dict[str, list[tuple[int, float]]]:
        """(epoch, value) pairs of each metric, by its name."""
        names = self._client.get_run(run_id).data.metrics
        return {
            name: [(m.step, m.value) for m in self._client.get_metric_history(run_id, name)]
            for name in sorted(names)
        }


def differences(left: RunSummary, right: RunSummary) -> tuple[Difference, ...]:
    """What two runs do not have in common: parameters, then metrics."""
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
