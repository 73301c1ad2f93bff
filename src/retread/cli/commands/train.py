"""`retread train`: one run or a scenario."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

import retread
from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors
from retread.core import InvalidInput, new_id

if TYPE_CHECKING:
    from retread.app import Workspace
    from retread.training import TrainingOutcome


class TrainedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run and the model version it became; None if it did not."""

    outcome: TrainingOutcome
    version: int | None


def _built_in() -> str:
    # Read from the folders: importing the training package would slow down every command.
    folder = Path(retread.__path__[0]) / "training" / "model_types"
    names = {m.name for f in folder.iterdir() if f.is_dir() for m in iter_modules([str(f)])}
    return ", ".join(sorted(names))


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    dataset: Annotated[str, typer.Option(help="Dataset; [data] dataset if left out.")] = "",
    dataset_version: Annotated[
        str, typer.Option(metavar="N|latest", help="The latest that is not in quarantine.")
    ] = "latest",
    model_type: Annotated[
        str | None, typer.Option(help=f"{_built_in()}, or package.module:function.")
    ] = None,
    optimizer_type: Annotated[
        str | None, typer.Option(metavar="adam|sgd|adamw", help="Optimizer of a network.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Highest rate of a network.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a step of a network.")] = None,
    sample: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of the training split, over 0.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="A [training.scenarios.NAME]; '' for a single run.")
    ] = None,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Train a model, or a scenario of several; those that meet the threshold are registered."""
    from retread.bundle import Cause
    from retread.cli.epochs import epochs_shown
    from retread.training import Overrides, plan_runs, train_scenario

    work = workspace(project)
    overrides = Overrides(
        scenario=scenario,
        model_type=model_type,
        optimizer_type=optimizer_type,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        sample=sample,
        seed=seed,
    )
    name = dataset or work.settings.data.dataset
    version = work.datasets.version(name, version_number(dataset_version))
    key = new_id("train")
    requests = plan_runs(work.settings, overrides, Cause(detail="retread train"), version, key)
    with epochs_shown(requests, quiet=json) as show:
        outcomes = train_scenario(work.compute, requests, work.settings.compute.parallel_runs, show)
    runs = tuple(TrainedRun(outcome=o, version=registered(work, o)) for o in outcomes)
    emit({"runs": runs}, as_json=json, text="\n".join(told(run) for run in runs))
    if all(run.version is None for run in runs):
        errors.print("No model was registered: no run met the threshold.", style="red")
        raise typer.Exit(1)


def version_number(text: str) -> int | None:
    """None stands for the latest released version.

    >>> (version_number("3"), version_number("latest"))
    (3, None)
    """
    if text == "latest":
        return None
    if re.fullmatch(r"[1-9][0-9]{0,17}", text) is None:
        raise InvalidInput(
            f"{text!r} is not a dataset version.",
            "Give a number from `retread data list`, or latest.",
        )
    return int(text)


def registered(work: Workspace, outcome: TrainingOutcome) -> int | None:
    """The version of what met the threshold."""
    if not outcome.bundle:
        return None
    return work.registry.register(outcome.bundle, run_id=outcome.run_id).version


def told(run: TrainedRun) -> str:
    """What became of a run, in two or three lines."""
    outcome = run.outcome
    if not outcome.run_id:
        return f"{outcome.model_type}: not trained. {outcome.reason}"
    figures = ", ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items())
    epochs = "1 epoch" if outcome.epochs == 1 else f"{outcome.epochs} epochs"
    head = f"{outcome.model_type}, run {outcome.run_id}: {epochs} in {outcome.seconds:.1f} s"
    end = f"Registered as version {run.version}."
    if run.version is None:
        end = f"Not registered. {outcome.reason}"
    return f"{head}\n  validation: {figures}\n  {end}"
