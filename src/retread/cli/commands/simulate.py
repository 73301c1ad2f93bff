"""`retread simulate`: error rates of the canary and the monitor, by simulation."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Group

    from retread.loop.canary import RolloutStatistics
    from retread.monitoring.simulation import WatchFigures


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)


def simulate(
    rollouts: Annotated[int, typer.Option(min=1, help="Rollouts per kind of canary.")] = 200,
    windows: Annotated[
        int, typer.Option(min=1, help="Windows per monitored stream of traffic.")
    ] = 40,
    watches: Annotated[int, typer.Option(min=1, help="Repetitions per kind of traffic.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Simulate the canary and the monitor.

    Estimates how often they decide correctly with the project's settings.
    """
    from retread.cli.progress import progress
    from retread.loop.canary import simulate_rollouts, simulated_canaries
    from retread.monitoring.simulation import TRAFFICS, simulate_watches
    from retread.monitoring.watch import alpha_of_each

    settings = workspace(project).settings
    kinds = simulated_canaries(settings.canary)
    detectors = settings.monitoring.detectors
    alpha = alpha_of_each(settings.monitoring.alpha, detectors)
    watch = partial(simulate_watches, watches=watches, windows=windows, alpha=alpha, seed=seed)
    ended: list[RolloutStatistics] = []
    watched: list[WatchFigures] = []
    with progress() as report:
        for canary in kinds:
            ended.append(simulate_rollouts(canary, settings.canary, rollouts, seed=seed))
            report("kinds of canary", len(ended), len(kinds))
        for name, traffic in product(detectors, TRAFFICS):
            watched.append(watch(traffic, detector=name))
            report("kinds of traffic", len(watched), len(detectors) * len(TRAFFICS))
    emit(
        {"rollouts": ended, "watches": watched},
        as_json=json,
        text=_tables(ended, watched),
    )


def _tables(rollouts: list[RolloutStatistics], watches: list[WatchFigures]) -> Group:
    from rich.console import Group

    from retread.cli.listing import Listing

    canary = Listing(
        "", "canary", "rollouts", "promoted", "rolled back", "expired", "median requests"
    )
    for rollout in rollouts:
        canary.add(
            rollout.canary,
            str(rollout.rollouts),
            str(rollout.promoted),
            str(rollout.rolled_back),
            str(rollout.expired),
            f"{rollout.median_requests:g}",
        )
    monitor = Listing("", "traffic", "watches", "windows", "alarmed", "after")
    for watch in watches:
        monitor.add(
            watch.traffic,
            str(watch.watches),
            str(watch.windows),
            str(watch.alarmed),
            "" if watch.median_windows is None else f"{watch.median_windows:g}",
        )
    return Group(canary, monitor)
