"""`retread demo bikes`: two years of rentals, hour by hour, with and without the loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from retread.app.loop_adapters import loop_of
from retread.core import ManualClock, Unavailable
from retread.demos.bikes.closing import summarise
from retread.demos.bikes.errors_by_month import ErrorsByMonth
from retread.demos.bikes.hours import TARGET, TIMESTAMP, Hours, read_hours
from retread.demos.bikes.replay_space import ReplaySpace
from retread.demos.client import Client
from retread.demos.explain import explain
from retread.demos.first_model import deploy, train, version_data
from retread.demos.stage import Stage, set_stage
from retread.demos.story import Story
from retread.demos.summary import Summary
from retread.demos.template import Values
from retread.loop.loop import Loop
from retread.project import LoadedProject
from retread.serving.rows import Rows
from retread.serving.runtime import load_runtime

SETTLE_S = 300.0
_DAY = 24

SETTINGS: Values = {
    "canary": {
        "steps": [0.2, 1.0],
        "min_requests": 24,
        "timeout_s": 14 * 86_400.0,
    },
    "monitoring": {"window": 168, "repeat_s": 7 * 86_400.0},
    "triggers": {"cooldown_s": 21 * 86_400.0, "min_labelled": 24},
}
"""A window is a week of hours; what is a day to the settings is a day of the data.

There is no schedule: only alarms ask for retrainings, three weeks after the last one at the
earliest.
"""


@dataclass(slots=True)
class Replay:
    """What is needed to live through the hours."""

    stage: Stage
    space: ReplaySpace
    loop: Loop
    client: Client
    errors: ErrorsByMonth
    last_id: str = ""


def play(folder: Path, data: Path, seed: int, story: Story) -> Summary:
    """Play the demo in the new `folder`, on the hours in the file `data`."""
    hours = read_hours(data)
    clock = ManualClock(_time(hours.first.iloc[-1]))
    spaces: list[ReplaySpace] = []

    def make_space(project: LoadedProject) -> ReplaySpace:
        spaces.append(ReplaySpace(project, clock))
        return spaces[0]

    settings = {**SETTINGS, "data": {"exclude": hours.excluded}}
    with set_stage(folder, "bikes", settings, story, ("serving",), make_space) as stage:
        stage.services.start("serving")
        number = first_model(stage, hours, seed)
        address = stage.services.address("serving")
        with (
            Client(address, stage.space.settings.project.name) as client,
            running(loop_of(stage.space, stage.environment)) as loop,
        ):
            replay = Replay(stage, spaces[0], loop, client, ErrorsByMonth())
            live_through(replay, hours.rest, number)
        explain(stage, replay.last_id)
        year = f"{hours.rest[TIMESTAMP].iloc[-1]:%Y}"
        return summarise(stage, replay.errors, year, replay.last_id)


def first_model(stage: Stage, hours: Hours, seed: int) -> int:
    story = stage.story
    story.act("1  The first half-year")
    hours.first.to_csv(stage.folder / "hour.csv", index=False)
    version = version_data(stage)
    outcome = train(stage, version, seed)
    stage.services.wait_until_ready("serving")
    return deploy(stage, outcome)


def live_through(replay: Replay, rest: pd.DataFrame, fixed: int) -> None:
    """Ask about each hour, tell the server what became of it, and let the loop look every day."""
    stage = replay.stage
    stage.story.act(
        f"2  {rest[TIMESTAMP].iloc[0]:%B %Y} to {rest[TIMESTAMP].iloc[-1]:%B %Y}, hour by hour"
    )
    columns = _columns(stage, fixed)
    features = rest[list(columns)].to_numpy(dtype=np.float64)
    predicted = _predict(stage, fixed, features)
    month = ""
    for place, (at, truth) in enumerate(zip(_times(rest), rest[TARGET], strict=True)):
        replay.space.replay_clock.set(at)
        reply = replay.client.ask(features[place].tolist(), f"{at:%Y%m%d%H}")
        replay.space.traffic.asked(reply.id, at.timestamp())
        replay.client.feedback(reply.id, str(float(truth)))
        assert reply.value is not None, "a regression answers with a value"
        replay.errors.add(at, float(truth), predicted[place], reply.value)
        replay.last_id = reply.id
        if place % _DAY == _DAY - 1:
            look(replay)
        if month and month != f"{at:%Y-%m}":
            tell_month(replay, month)
        month = f"{at:%Y-%m}"
    tell_month(replay, month)
    look(replay)


def look(replay: Replay) -> None:
    """One look of the loop, and as much of a retraining as today's traffic allows."""
    stage = replay.stage
    stage.services.check()
    replay.loop.step()
    if not replay.loop.wait_until_idle(SETTLE_S):
        raise Unavailable(f"The loop did not come to rest within {SETTLE_S:.0f} s.")
    stage.narrator.catch_up()
    now = replay.space.replay_clock.now()
    stage.story.progress(f"{now:%Y-%m-%d}: version {stage.space.registry.state().production}")


def tell_month(replay: Replay, month: str) -> None:
    fixed, loop = replay.errors.mean((month,))
    version = replay.stage.space.registry.state().production
    replay.stage.story.say(
        f"{month}: off by {loop:.0f} rentals an hour; the fixed model by {fixed:.0f} "
        f"(version {version} serves)."
    )


@contextmanager
def running(loop: Loop) -> Iterator[Loop]:
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def _columns(stage: Stage, version: int) -> tuple[str, ...]:
    bundle = stage.space.registry.state().version(version).bundle
    return stage.space.bundles.manifest(bundle).signature.inputs[0].columns


def _predict(stage: Stage, version: int, features: np.typing.NDArray[np.float64]) -> list[float]:
    """What the first model would have said of every hour."""
    bundle = stage.space.registry.state().version(version).bundle
    runtime = load_runtime(stage.space.bundles, bundle)
    rows = Rows(count=len(features), features=features.astype(np.float32).tobytes())
    (result,) = runtime.score([rows])
    return [row[0] for row in result.outputs]


def _times(rows: pd.DataFrame) -> Iterator[datetime]:
    for stamp in rows[TIMESTAMP]:
        yield stamp.to_pydatetime().replace(tzinfo=UTC)


def _time(row: pd.Series) -> datetime:
    stamp: pd.Timestamp = row[TIMESTAMP]
    return stamp.to_pydatetime().replace(tzinfo=UTC)
