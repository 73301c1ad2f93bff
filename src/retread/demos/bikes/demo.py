"""`retread demo bikes`: two years of rentals, hour by hour, with and without the loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from retread.app.loop_adapters import loop_of
from retread.core import ManualClock, Unavailable
from retread.demos.bikes.hours import TARGET, TIMESTAMP, Hours, read_hours
from retread.demos.bikes.replay_workspace import ReplayWorkspace
from retread.demos.bikes.results import MonthlyErrors, bikes_results
from retread.demos.environment import DemoEnvironment, Values, demo_environment
from retread.demos.first_model import add_dataset, promote_first, train_first
from retread.demos.lineage_report import report_lineage
from retread.demos.reporter import Reporter
from retread.demos.results import DemoResults
from retread.demos.traffic import predict
from retread.loop.loop import Loop
from retread.project import LoadedProject
from retread.serving.client import ServingClient
from retread.serving.rows import Rows
from retread.serving.runtime import load_runtime

LOOP_TIMEOUT_S = 300.0
_HOURS_PER_DAY = 24

SETTINGS: Values = {
    "canary": {
        "steps": [0.2, 1.0],
        "min_requests": 24,
        "timeout_s": 14 * 86_400.0,
    },
    "monitoring": {"window": 168, "repeat_s": 7 * 86_400.0},
    "triggers": {"cooldown_s": 21 * 86_400.0, "min_labelled": 24},
}
"""A window is a week of hours. Times are those of the data: three weeks pass between retrainings.

There is no schedule: only alarms trigger retrainings.
"""


@dataclass(slots=True)
class Replay:
    """A replay in progress."""

    demo: DemoEnvironment
    workspace: ReplayWorkspace
    loop: Loop
    client: ServingClient
    errors: MonthlyErrors = field(default_factory=MonthlyErrors)
    last_request_id: str | None = None


def run(folder: Path, data: Path, seed: int, reporter: Reporter) -> DemoResults:
    """Run the demo in a new project in `folder`, on the hours in the file `data`."""
    hours = read_hours(data)
    clock = ManualClock(_time(hours.first[TIMESTAMP].iloc[-1]))
    workspaces: list[ReplayWorkspace] = []

    def make_workspace(project: LoadedProject) -> ReplayWorkspace:
        workspaces.append(ReplayWorkspace(project, clock))
        return workspaces[0]

    # The demo compares a loop with none: every month has a share in each of the splits.
    settings = {**SETTINGS, "data": {"exclude": hours.excluded, "split": "random"}}
    with demo_environment(
        folder, "bikes", settings, reporter, ("serving",), make_workspace
    ) as demo:
        demo.services.start("serving")
        version = _first_model(demo, hours, seed)
        address = demo.services.address("serving")
        with (
            ServingClient(address, demo.workspace.settings.project.name) as client,
            _running(loop_of(demo.workspace, demo.variables)) as loop,
        ):
            replay = Replay(demo, workspaces[0], loop, client)
            _replay(replay, hours.rest, version)
        report_lineage(demo, replay.last_request_id)
        year = f"{hours.rest[TIMESTAMP].iloc[-1]:%Y}"
        return bikes_results(demo, replay.errors, year, replay.last_request_id)


def _first_model(demo: DemoEnvironment, hours: Hours, seed: int) -> int:
    demo.reporter.phase("1  The first half-year")
    hours.first.to_csv(demo.folder / "hour.csv", index=False)
    version = add_dataset(demo)
    return promote_first(demo, train_first(demo, version, seed))


def _replay(replay: Replay, rest: pd.DataFrame, fixed_version: int) -> None:
    """Predict each hour, send its true count, and run the loop once per day."""
    demo = replay.demo
    times = rest[TIMESTAMP]
    demo.reporter.phase(f"2  {times.iloc[0]:%B %Y} to {times.iloc[-1]:%B %Y}, hour by hour")
    columns = _columns(demo, fixed_version)
    features = rest[list(columns)].to_numpy(dtype=np.float64)
    fixed = _predictions(demo, fixed_version, features)
    month = None
    for index, (at, truth) in enumerate(zip(map(_time, times), rest[TARGET], strict=True)):
        replay.workspace.replay_clock.set(at)
        predicted = predict(replay.client, features[index].tolist(), f"{at:%Y%m%d%H}")
        replay.workspace.traffic.set_time(predicted.id, at.timestamp())
        replay.client.feedback(predicted.id, float(truth))
        assert predicted.value is not None, "a regression predicts a value"
        replay.errors.add(at, float(truth), fixed[index], predicted.value)
        replay.last_request_id = predicted.id
        if index % _HOURS_PER_DAY == _HOURS_PER_DAY - 1:
            _run_loop(replay)
        if month and month != f"{at:%Y-%m}":
            _report_month(replay, month)
        month = f"{at:%Y-%m}"
    if month:
        _report_month(replay, month)
    _run_loop(replay)


def _run_loop(replay: Replay) -> None:
    """Run the loop once, and a retraining as far as the traffic so far allows."""
    demo = replay.demo
    demo.services.check()
    replay.loop.step()
    if not replay.loop.wait_until_idle(LOOP_TIMEOUT_S):
        raise Unavailable(f"The loop did not become idle within {LOOP_TIMEOUT_S:.0f} s.")
    demo.events.report_new()
    now = replay.workspace.replay_clock.now()
    demo.reporter.progress(f"{now:%Y-%m-%d}: version {_production(demo)}")


def _report_month(replay: Replay, month: str) -> None:
    fixed, loop = replay.errors.mean((month,))
    replay.demo.reporter.report(
        f"{month}: mean error {loop:.0f} rentals per hour, of the fixed model {fixed:.0f} "
        f"(version {_production(replay.demo)} serves)."
    )


@contextmanager
def _running(loop: Loop) -> Iterator[Loop]:
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def _production(demo: DemoEnvironment) -> int:
    production = demo.workspace.registry.state().production
    assert production is not None, "the first model was promoted before the replay"
    return production


def _columns(demo: DemoEnvironment, version: int) -> tuple[str, ...]:
    bundle = demo.workspace.registry.state().version(version).bundle
    return demo.workspace.bundles.manifest(bundle).signature.inputs[0].columns


def _predictions(
    demo: DemoEnvironment, version: int, features: np.typing.NDArray[np.float64]
) -> list[float]:
    """Predict all hours with one version, outside the server."""
    bundle = demo.workspace.registry.state().version(version).bundle
    runtime = load_runtime(demo.workspace.bundles, bundle)
    rows = Rows(count=len(features), features=features.astype(np.float32).tobytes())
    (result,) = runtime.score([rows])
    return [row[0] for row in result.outputs]


def _time(stamp: pd.Timestamp) -> datetime:
    return stamp.to_pydatetime().replace(tzinfo=UTC)
