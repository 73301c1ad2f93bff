"""`retread simulate`: the guarantees of canary and monitor, by simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Group

    from retread.loop.canary import RolloutFigures
    from retread.monitoring.simulation import WatchFigures


def register(app: typer.Typer) -> None:
    app.command("simulate")(simulate)


def simulate(
    rollouts: Annotated[int, typer.Option(min=1, help="Rollouts of each kind of canary.")] = 200,
    windows: Annotated[int, typer.Option(min=1, help="Windows of a simulated watch.")] = 40,
    watches: Annotated[int, typer.Option(min=1, help="Watches of each kind of traffic.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 0,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Show by simulation what the project's canary and monitoring settings guarantee."""
    from retread.loop.canary import simulate_rollouts, worlds
    from retread.monitoring.simulation import TRAFFICS, simulate_watches

    settings = workspace(project).settings
    ended = [
        simulate_rollouts(world, settings.canary, rollouts, seed=seed)
        for world in worlds(settings.canary)
    ]
    watched = [
        simulate_watches(
            traffic,
            watches=watches,
            windows=windows,
            alpha=settings.monitoring.alpha,
            detector=name,
            seed=seed,
        )
        for name in settings.monitoring.detectors
        for traffic in TRAFFICS
    ]
    emit(
        {"rollouts": ended, "watches": watched},
        as_json=json,
        text=_tables(ended, watched),
    )


def _tables(rollouts: list[RolloutFigures], watches: list[WatchFigures]) -> Group:
    from rich.console import Group
    from rich.table import Column, Table

    canary = Table(
        Column("canary", no_wrap=True), "rollouts", "promoted", "back", "expired", box=None
    )
    canary.add_column("median requests")
    for figures in rollouts:
        canary.add_row(
            figures.world,
            str(figures.rollouts),
            str(figures.promoted),
            str(figures.rolled_back),
            str(figures.expired),
            f"{figures.median_requests:g}",
        )
    monitor = Table(Column("traffic", no_wrap=True), "watches", "windows", "alarmed", box=None)
    monitor.add_column("after")
    for watch in watches:
        monitor.add_row(
            watch.traffic,
            str(watch.watches),
            str(watch.windows),
            str(watch.alarmed),
            f"{watch.median_windows:g}",
        )
    return Group(canary, monitor)
